"""Every model on every network that suits it: from its YAML file to images, through the program that users start."""

from pathlib import Path

import pytest
import torch

from gan_lab.cli import main
from gan_lab.models.latent import LatentGAN
from gan_lab.runs.run import Run
from tests.conftest import CONF, OFFLINE, Command, composed, read_image

NO_SCORES = ("callbacks.scores=null",)
FEW_SCORES = tuple(
    f"callbacks.scores.{name}={value}"
    for name, value in {
        "every_n_images": 16,
        "count_during": 8,
        "real_during": 8,
        "groups_during": "[fid]",
        "count": 8,
        "groups": "[fid]",
    }.items()
)
# What makes each network tiny.
LATENT = {
    "mlp": ("model.network.generator.hidden=[8]", "model.network.discriminator.hidden=[8]"),
    "dcgan_small": ("model.network.generator.width=4", "model.network.discriminator.width=4"),
    "dcgan_smaller": ("model.network.generator.width=4", "model.network.discriminator.width=4"),
    "dcgan_upsample": ("model.network.generator.width=4", "model.network.discriminator.width=4"),
    "dcgan_transposed": ("model.network.generator.width=2", "model.network.discriminator.width=2"),
    "dcgan_transposed_small": ("model.network.generator.width=2", "model.network.discriminator.width=2"),
    "sngan_resnet": ("model.network.generator.width=4", "model.network.discriminator.width=4"),
    "resnet": tuple(
        f"model.network.{player}.{name}={value}"
        for player in ("generator", "discriminator")
        for name, value in {"width": 4, "max_width": 8, "group_size": 4}.items()
    ),
    **dict.fromkeys(
        ("stylegan2", "stylegan2_small"),
        (
            "model.network.generator.w_dim=8",
            "model.network.generator.mixing=0",
            *(f"model.network.{player}.channel_max=4" for player in ("generator", "discriminator")),
        ),
    ),
}
# Players that take labels themselves.
LABELLED = {
    "biggan": (
        "model/conditioning=native",
        "model.network.generator.width=2",
        "model.network.generator.embedding_dim=4",
        "model.network.discriminator.width=2",
    ),
}
# At full size 256x256 pixels, which nothing here needs to show that they train.
LATENT |= {f"r3gan_{name}": (*LATENT["resnet"], "data.image_size=32") for name in ("cifar10", "ffhq64", "ffhq256")}
TRANSLATING = {
    "cyclegan": dict.fromkeys(
        ("resnet_patchgan", "resnet_patchgan_256", "resnet_patchgan_small"),
        (
            "model.network.generator.width=2",
            "model.network.generator.blocks=1",
            "model.network.discriminator.width=2",
            "model.network.discriminator.layers=2",
        ),
    ),
    "pix2pix": dict.fromkeys(
        ("unet_patchgan", "unet_patchgan_digits", "unet_patchgan_small"),
        (
            "model.network.generator.width=2",
            "model.network.discriminator.width=2",
            "model.network.discriminator.layers=2",
        ),
    ),
    "cut": dict.fromkeys(
        ("contrastive_patchgan", "contrastive_patchgan_small"),
        (
            "model.network.generator.width=2",
            "model.network.generator.blocks=1",
            "model.network.generator.features=4",
            "model.network.discriminator.width=2",
            "model.network.discriminator.layers=2",
        ),
    ),
}
TRANSLATING["fastcut"] = TRANSLATING["cut"]
SHIPPED = (
    *("acgan", "cgan", "cut", "cyclegan", "dcgan", "fastcut", "infogan", "pix2pix", "r3gan", "stylegan2", "vanilla"),
    *("wgan", "wgan_gp"),
)
# tests/config/test_parts.py trains those of the recipes.
MODELS = sorted(path.stem for path in (CONF / "model").glob("*.yaml") if not path.stem.endswith("_digits"))


def is_tried(model: str, network: str) -> bool:
    """Tell the pairs that train here: every model with two networks and its own, every network with and without labels.

    tests/config/test_parts.py takes all pairs through a step without memory.
    """
    return (
        model in TRANSLATING
        or network in ("mlp", "dcgan_small")
        or model in ("vanilla", "cgan")
        or network.startswith(model)
    )


CASES = [
    (model, network, tiny)
    for model in MODELS
    for network, tiny in TRANSLATING.get(model, LATENT | LABELLED if model == "cgan" else LATENT).items()
    if is_tried(model, network) and (model, network) != ("dcgan", "mlp")  # which is refused
]


def test_every_model_and_every_network_is_among_the_cases() -> None:
    assert set(SHIPPED) <= set(MODELS)
    assert {path.stem for path in (CONF / "model/network").glob("*.yaml")} == set().union(
        LATENT, LABELLED, *TRANSLATING.values()
    )


@pytest.mark.parametrize(("model", "network", "tiny"), CASES, ids=lambda value: value if isinstance(value, str) else "")
def test_it_composes_trains_saves_loads_and_draws(
    model: str, network: str, tiny: tuple[str, ...], command: Command
) -> None:
    if model == "stylegan2" and not network.startswith("stylegan2"):
        tiny = (*tiny, "model.path_length_weight=0")
    # A gradient penalty and the paper of WGAN rule batch norm out.
    with_batch_norm = ("vanilla", "dcgan", "cgan", "acgan", "infogan", *TRANSLATING)
    norm = () if model in with_batch_norm else ("model.network.discriminator.norm=none",)
    rate = "model.optimizer.generator.lr=0.01"
    batches = ("data.batch_size=8", rate, "trainer.max_steps=5", "trainer.log_every_n_steps=5", "hydra.run.dir=run")
    scores = NO_SCORES if model in TRANSLATING else FEW_SCORES  # a classifier of colours would be trained first
    assert command(*OFFLINE, *scores, f"model={model}", f"model/network={network}", *tiny, *norm, *batches) is None
    run = Run.open("run")
    assert ("scores" in run.record()) == (model not in TRANSLATING)
    loaded = run.load_model()
    saved = run.load_checkpoint()["state_dict"]
    assert all(value.isfinite().all() for value in saved.values())
    assert loaded.images_seen == 5 * 8 * (2 if model == "cyclegan" else 1)
    moved = [name for name, value in run.load_model().state_dict().items() if not torch.equal(value, saved[name])]
    assert not moved
    grids = sorted(Path("run/samples").glob("*.png"))
    assert len(grids) == 2
    assert not torch.equal(*map(read_image, grids)), "the generator has moved"
    if isinstance(loaded, LatentGAN):
        main(["sample", "run", "--count", "10", "--out", "ten.pt"])
        assert torch.load("ten.pt", weights_only=True).shape[0] == 10
    else:
        main(["translate", "run", "--input", "run/samples", "--out", "translated"])
        assert len(list(Path("translated").iterdir())) == 2


@pytest.mark.parametrize("objective", sorted(path.stem for path in (CONF / "model/objective").glob("*.yaml")))
@pytest.mark.parametrize("penalty", ["none", "gradient_penalty", "dragan", "[r1,r2]"])
def test_objectives_and_penalties_go_together(objective: str, penalty: str) -> None:
    config = composed(f"model/objective={objective}", f"model/penalty={penalty}", "model=cgan")
    names = [] if penalty == "none" else penalty.strip("[]").split(",")
    assert list(config.model.penalty) == names
    assert config.model.objective._target_.startswith("gan_lab.losses.")


@pytest.mark.parametrize("norm", ["spectral", "layer", "instance", "none"])
def test_the_documented_combination_trains(norm: str, command: Command) -> None:
    chosen = ("model=dcgan", "model/objective=hinge", "model/network=dcgan_small")
    tiny = (*LATENT["dcgan_small"], "data.batch_size=8", "trainer.max_steps=2", "hydra.run.dir=run")
    assert command(*OFFLINE, *NO_SCORES, *chosen, f"model.network.discriminator.norm={norm}", *tiny) is None
    assert Run.open("run").record()["status"] == "finished"


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("option", ["trainer.precision=bf16-mixed", "model.network.discriminator.norm=spectral"])
def test_every_model_trains_in_mixed_precision_and_under_spectral_norm(
    model: str, option: str, command: Command
) -> None:
    if model == "wgan" and "spectral" in option:
        option += " model.clip=null"
    network, tiny = next((n, t) for n, t in TRANSLATING.get(model, LATENT).items() if n != "mlp")
    if model == "stylegan2":
        option += " model.path_length_weight=0"  # tests/training/test_precision.py has path lengths in half precision
    norm = () if "spectral" in option else ("model.network.discriminator.norm=none",)
    size = (*tiny, "data.batch_size=4", "trainer.max_steps=5", "hydra.run.dir=run")
    chosen = (f"model={model}", f"model/network={network}", *norm, *option.split())
    assert command(*OFFLINE, *NO_SCORES, *chosen, *size) is None
    assert all(value.isfinite().all() for value in Run.open("run").load_checkpoint()["state_dict"].values())


@pytest.mark.slow
def test_all_variants_run_as_one_sweep(command: Command) -> None:
    models = [model for model in MODELS if model not in TRANSLATING]
    sweep = [f"model={','.join(models)}", "trainer.max_steps=2", "data.batch_size=4", "hydra.sweep.dir=sweep"]
    assert command("-m", *OFFLINE, *NO_SCORES, *sweep) is None
    assert [Run.open(f"sweep/{job}").record()["status"] for job in range(len(models))] == ["finished"] * len(models)


# What the papers say, against what stands in the files.
@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (
            "wgan",
            {
                "optimizer.generator._target_": "torch.optim.RMSprop",
                "optimizer.generator.lr": 5e-5,
                "optimizer.discriminator._target_": "torch.optim.RMSprop",
                "optimizer.discriminator.lr": 5e-5,
                "clip": 0.01,
                "n_critic": 5,
                "network.discriminator.norm": "none",
                "objective._target_": "gan_lab.losses.Wasserstein",
            },
        ),
        (
            "wgan_gp",
            {
                "optimizer.generator.lr": 1e-4,
                "optimizer.generator.betas": [0.0, 0.9],
                "optimizer.discriminator.betas": [0.0, 0.9],
                "penalty.gradient_penalty.weight": 10.0,
                "n_critic": 5,
                "objective._target_": "gan_lab.losses.Wasserstein",
            },
        ),
        (
            "cyclegan",
            {
                "optimizer.generator.lr": 2e-4,
                "optimizer.generator.betas": [0.5, 0.999],
                "objective._target_": "gan_lab.losses.LeastSquares",
                "cycle_weight": 10.0,
                "identity_weight": 5.0,
                "pool_size": 50,
                "schedule.generator.start": 0.5,
            },
        ),
        (
            "pix2pix",
            {
                "optimizer.generator.lr": 2e-4,
                "optimizer.generator.betas": [0.5, 0.999],
                "objective._target_": "gan_lab.losses.NonSaturating",
                "l1_weight": 100.0,
                "network.generator.dropout": 0.5,
            },
        ),
        (
            "cut",
            {
                "optimizer.generator.lr": 2e-4,
                "objective._target_": "gan_lab.losses.LeastSquares",
                "contrast_weight": 1.0,
                "identity_weight": 1.0,
                "patches": 256,
                "temperature": 0.07,
                "flip_equivariance": False,
            },
        ),
        ("acgan", {"class_weight": 1.0}),
        (
            "infogan_digits",
            {"categories": 10, "continuous": 2, "latent_dim": 62, "network.generator.latent_dim": 74},
        ),
        (
            "fastcut",
            {"contrast_weight": 10.0, "identity_weight": 0.0, "flip_equivariance": True, "temperature": 0.07},
        ),
        (
            "r3gan",
            {
                "objective._target_": "gan_lab.losses.RelativisticPairing",
                "optimizer.generator.betas": [0.0, 0.99],
                "n_critic": 1,
                "network.discriminator.norm": "none",
                "optimizer.generator.lr": 2e-4,
                "penalty.r1.gamma": 1.0,
                "penalty.r2.gamma": 1.0,
            },
        ),
        (
            "pix2pix model/network=unet_patchgan",
            {"network.generator.width": 64, "network.discriminator.width": 64, "network.discriminator.layers": 3},
        ),
        (
            "cut model/network=contrastive_patchgan",
            {"network.generator.width": 64, "network.generator.blocks": 9, "network.generator.features": 256},
        ),
        (
            "stylegan2",
            {
                "n_critic": 1,
                "objective._target_": "gan_lab.losses.NonSaturating",
                "optimizer.generator.lr": 2e-3,
                "optimizer.discriminator.betas": [0.0, 0.99],
                "penalty.r1.every": 16,
                "path_length_weight": 2.0,
                "path_length_every": 4,
                "path_length_decay": 0.01,
                "path_length_shrink": 2,
                "ema_half_life": 10000,
            },
        ),
        (
            "dcgan model/network=dcgan_transposed",
            {
                "optimizer.generator.lr": 2e-4,
                "optimizer.discriminator.lr": 2e-4,
                "optimizer.generator.betas": [0.5, 0.999],
                "objective._target_": "gan_lab.losses.NonSaturating",
                "network.discriminator.norm": "batch",
            },
        ),
    ],
)
def test_hyperparameters_are_those_of_the_paper(model: str, expected: dict[str, object]) -> None:
    from omegaconf import OmegaConf

    found = composed(*f"model={model}".split()).model
    assert {name: OmegaConf.select(found, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["model=wgan_gp", "model.network.discriminator.norm=batch"], "set model.network.discriminator.norm=layer"),
        (["model=dcgan", "data=mnist_colors"], "which model=cyclegan translates"),
        (["model=cyclegan", "data=mnist"], "choose data=mnist_colors or data=unpaired_folders"),
        (["model=dcgan", "data=mnist_paired"], "which model=pix2pix translates"),
        (["model=pix2pix", "data=mnist"], "choose data=mnist_paired, paired_folders or colourise"),
        (["model=cut", "data=mnist_paired"], "choose data=mnist_colors or data=unpaired_folders"),
        (["model=pix2pix", "model/network=resnet_patchgan"], "unet_patchgan for pix2pix"),
        (["model=cut", "model/network=unet_patchgan"], "choose model/network=contrastive_patchgan"),
        (["model=pix2pix", "model.l1_weight=0", "model.adversarial_weight=0"], "nothing to learn from"),
        (["model=pix2pix", "data.image_size=30"], "multiple of 4: 30"),
        (["model=cyclegan", "model.cycle_weight={a:1}"], "must be a valid number or given with a value for b"),
        (["model=cgan", "model.num_classes=5"], "model.num_classes=5: the data has 10; set data.num_classes instead"),
        (["model=r3gan", "data.image_size=18"], "4, 5, 6 or 7 doubled once or more"),
        (["model/schedule=linear", "trainer.max_steps=-1"], "learning rates that fall until the end need one"),
        (["model=cgan", "model/conditioning=projektion"], "Did you mean projection?"),
        (["model/penalty=r1"], "the discriminator has batch norm"),
        (["model=wgan", "model.clip=0"], "model.clip=0: must be greater than 0"),
        (["model/network=sngan_resnet", "data.image_size=48"], "the image size must be 32, 64 or 128, not 48"),
        (["model=dcgan", "model/network=biggan"], "choose model=cgan with model/conditioning=native"),
        (["model=pix2pix", "model/network=biggan"], "choose model=cgan with model/conditioning=native"),
        (["model=cut", "model/network=sngan_resnet"], "contrastive_patchgan for cut"),
        (["model=cgan", "model/network=biggan"], "set model/conditioning=native"),
        (["model=cgan", "model/conditioning=native"], "set model/network=biggan, or model/conditioning=concat"),
        (["model=acgan", "model/network=biggan"], "set model/conditioning=native of model=cgan"),
        (["model=infogan", "model/network=biggan"], "choose model=cgan with model/conditioning=native"),
        (["model=infogan", "model/network=stylegan2"], "set model.network.generator.mixing=0"),
        (["model=infogan", "model.categories=1"], "set model.categories to 2 or more"),
        (["model=acgan", "model/conditioning=concat"], "model/conditioning: the chosen model has no such part"),
        (["model=dcgan", "model/network=mlp"], "choose model/network=dcgan_small, or model=vanilla"),
        (
            ["model/augment=scheduled"],
            "model/augment=scheduled has a probability of 0 without a schedule",
        ),
        (["model=wgan", "model/network=stylegan2"], "choose model=wgan_gp, or another model/network"),
        (
            ["model=stylegan2", "model/network=dcgan_small"],
            "choose model/network=stylegan2_small, or set model.path_length_weight=0",
        ),
        (["model=cgan", "model/network=stylegan2"], "set model.network.generator.mixing=0"),
        (["model/network=stylegan2", "data.image_size=28"], "the image size must be 8, 16, 32, 64, ..., not 28"),
        (["model=wgan_gp", "model/penalty=none"], "choose model/penalty=gradient_penalty, or model=wgan"),
        (["model=r3gan", "model/penalty=r1"], "choose model/penalty=r1_r2, or for others model=dcgan"),
        (["model=cyclegan", "model/stabiliser=lecam"], "choose model/stabiliser=bcr or none"),
        (["model=pix2pix", "model/stabiliser=bcr"], "choose model/stabiliser=lecam or none"),
        (["model/stabiliser=top_k", "model.stabiliser.top_k.least_share=0"], "set it above 0"),
        (["model.freeze_discriminator=1"], "set init_from=... to its folder as well, or the number to 0"),
        (["model.freeze_discriminator=3"], "leaves nothing to learn: the discriminator has 3 layers"),
        (["model.clip_grad_norm.generator=-1"], "model.clip_grad_norm.generator=-1: must be greater than 0"),
        (["model.clip_grad_norm=1.0"], "must be given by names: model.clip_grad_norm.NAME=..."),
        (["+model.clip_grad_norm.critic=1.0"], "must be 'generator' or 'discriminator'"),
        (["model.ema_half_life=0"], "model.ema_half_life=0: must be greater than or equal to 1"),
        (["model.network.discriminator.norm=btach"], "must be 'batch', 'layer', 'instance', 'spectral' or 'none'"),
        (["model=vanilla", "model.network.discriminator.norm=instance"], "set norm=layer"),
        (["model=wgan", "model.network.discriminator.norm=spectral"], "set model.clip=null"),
        (["model=dcgan", "model/conditioning=projection"], "model/conditioning: the chosen model has no such part"),
        (["model=cgan", "data=mnist_colors"], "choose others, such as data=mnist"),
        (["model=cyclegan", "model/network=dcgan_small"], "choose model/network=resnet_patchgan"),
        (["model=cyclegan", "model/network=r3gan_cifar10"], "choose model/network=resnet_patchgan"),
        (["model=dcgan", "model/network=resnet_patchgan"], "Error: model.network: "),
        (["model=cgan", "data=image_folder", "data.root=."], "set data.num_classes to what the data has"),
    ],
)
def test_what_can_not_work_is_one_message_with_the_way_out(
    arguments: list[str], message: str, command: Command, tmp_path: Path
) -> None:
    found = command(*arguments)
    assert isinstance(found, str)
    assert message in found
    assert "\n" not in found
    assert list(tmp_path.iterdir()) == []
