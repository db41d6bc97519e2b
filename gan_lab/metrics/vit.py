"""Vision transformers as extractors: DINOv2 and CLIP, the networks by the transformers library, the weights by file.

No code comes with the weights: a safetensors file holds tensors alone, and the network's sizes follow from theirs.
"""

import re
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import safetensors.torch
import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from torch import Tensor

from gan_lab.metrics.extractors import Extractor, with_channels
from gan_lab.metrics.resizers import pillow_bytes, where_exact
from gan_lab.utils import extras, hashes
from gan_lab.utils.errors import UserError
from gan_lab.utils.files import open_regular
from gan_lab.utils.precision import reproducible_precision

Kind = Literal["dinov2", "clip"]
SOURCES = {  # of the weights that papers use: who publishes them, and the file's size
    "dinov2": ("facebook/dinov2-large", "1.2 GB"),
    "clip": ("openai/clip-vit-base-patch32", "0.6 GB"),
}
SIZE = 224  # pixels a side, to which DINOv2's images are brought
AT_ONCE = 32  # images
HEAD = 64  # values of an attention head, in all published sizes of both
OFFSET = 0.1  # that the authors of DINOv2 add to the side when they interpolate place embeddings
WIDTHS = {384: "S", 768: "B", 1024: "L", 1280: "H", 1536: "g"}
RENAMED = {  # older names of weights, which files have, by those in newer versions of the library
    "attention.attention.query.": "attention.q_proj.",
    "attention.attention.key.": "attention.k_proj.",
    "attention.attention.value.": "attention.v_proj.",
    "attention.output.dense.": "attention.o_proj.",
}
Weights = Mapping[str, Tensor]


class VisionTransformer(Extractor):
    """A vision transformer of the transformers library. Images are resized as Pillow does it, bicubic in 8 bits.

    Args:
        weights: safetensors file; None takes the one in the folder of torch.hub's checkpoints.

    Raises:
        UserError: the library or the file is missing, or the file holds other weights.
    """

    kind: Kind
    shift: Tensor
    scale: Tensor
    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]

    def __init__(self, *, weights: str | None) -> None:
        super().__init__()
        extras.require(f"the {self.kind} extractor", "vit", "transformers")
        path = Path(weights).expanduser() if weights else usual_place(self.kind)
        if not path.exists():
            raise missing(path, self.kind)
        state = read(path)
        try:
            self.network, self.size = self.build(state)
        except (KeyError, RuntimeError, ValueError) as error:
            first = str(error).strip().splitlines()[0]
            raise UserError(f"{path} holds no weights of {self.kind}'s vision transformer: {first}") from error
        self.num_features = int(self.feature_count(state))
        self.num_classes = 0
        width, patch = self.sizes(state)
        self.identity = {
            "name": f"{self.kind} ViT-{WIDTHS.get(width, width)}/{patch}",
            "sha256": hashes.of_file(path),
            "input_size": self.size,
            "other_sizes": "bicubic as in Pillow, 8 bits",
            "channels": 3,
            "antialias": True,
            "dtype": "float32",
        }
        self.register_buffer("shift", torch.tensor(self.mean)[:, None, None] * 255)
        self.register_buffer("scale", torch.tensor(self.deviation)[:, None, None] * 255)
        self.freeze()

    @abstractmethod
    def build(self, state: Weights) -> tuple[Any, int]:
        """Build the network with these weights: it, and the side of its images."""

    @abstractmethod
    def sizes(self, state: Weights) -> tuple[int, int]:
        """Width of the tokens, and side of a patch in pixels."""

    @abstractmethod
    def feature_count(self, state: Weights) -> int:
        """Number of values of an image's features."""

    @abstractmethod
    def features_of(self, pixels: Tensor) -> Tensor:
        """Features (n, d) of images (n, 3, size, size), normalised as the network takes them."""

    def features_and_logits(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Compute features; there are no logits."""
        parts = []
        for chunk in torch.split(with_channels(images, 3).byte(), AT_ONCE):
            pixels = pillow_bytes(where_exact(chunk), self.size).to(self.device)
            with reproducible_precision(pixels.device), torch.no_grad():
                parts.append(self.features_of((pixels.float() - self.shift) / self.scale))
        features = torch.cat(parts)
        return features, features.new_empty(len(features), 0)


class Dinov2(VisionTransformer):
    """DINOv2's class token after the last normalisation (Oquab et al. 2023), as FD-DINOv2 takes it.

    Stein et al. 2023 (arXiv:2306.04675) use ViT-L/14 at 224 pixels, ImageNet's normalisation and Pillow's bicubic
    resize. Arguments and errors are those of `VisionTransformer`.
    """

    kind = "dinov2"
    mean = (0.485, 0.456, 0.406)
    deviation = (0.229, 0.224, 0.225)

    def build(self, state: Weights) -> tuple[Any, int]:
        """Build the network: place embeddings are interpolated to its 224 pixels once, as the authors' code does it."""
        from transformers import Dinov2Config, Dinov2Model

        width, patch = self.sizes(state)
        first = state.get("encoder.layer.0.mlp.fc1.weight")  # the largest size has gates instead
        config = Dinov2Config(
            hidden_size=width,
            num_hidden_layers=count_layers(state, r"encoder\.layer\.(\d+)\."),
            num_attention_heads=width // HEAD,
            mlp_ratio=4 if first is None else len(first) // width,
            use_swiglu_ffn=first is None,
            image_size=SIZE,
            patch_size=patch,
        )
        network = Dinov2Model(config)
        places = interpolated(state["embeddings.position_embeddings"], SIZE // patch)
        load(network, {**state, "embeddings.position_embeddings": places})
        return network, SIZE

    def sizes(self, state: Weights) -> tuple[int, int]:
        """Width of the tokens, and side of a patch in pixels."""
        kernel = state["embeddings.patch_embeddings.projection.weight"]
        return kernel.shape[0], kernel.shape[-1]

    def feature_count(self, state: Weights) -> int:
        """Number of values of the class token."""
        return self.sizes(state)[0]

    def features_of(self, pixels: Tensor) -> Tensor:
        """The class token."""
        features: Tensor = self.network(pixels).last_hidden_state[:, 0]
        return features


class Clip(VisionTransformer):
    """CLIP's image embedding (Radford et al. 2021, arXiv:2103.00020), before it is brought to length 1.

    clean-fid takes ViT-B/32 at 224 pixels, CMMD (Jayasumana et al. 2024) ViT-L/14 at 336. Which it is, and at how many
    pixels, follows from the weights and stands in the protocol. Arguments and errors are those of `VisionTransformer`.
    """

    kind = "clip"
    mean = (0.48145466, 0.4578275, 0.40821073)
    deviation = (0.26862954, 0.26130258, 0.27577711)

    def build(self, state: Weights) -> tuple[Any, int]:
        """Build the vision tower, for the images that its place embeddings are for."""
        from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

        width, patch = self.sizes(state)
        side = round((len(state["vision_model.embeddings.position_embedding.weight"]) - 1) ** 0.5) * patch
        config = CLIPVisionConfig(
            hidden_size=width,
            intermediate_size=len(state["vision_model.encoder.layers.0.mlp.fc1.weight"]),
            projection_dim=self.feature_count(state),
            num_hidden_layers=count_layers(state, r"vision_model\.encoder\.layers\.(\d+)\."),
            num_attention_heads=width // HEAD,
            image_size=side,
            patch_size=patch,
        )
        network = CLIPVisionModelWithProjection(config)
        load(network, {name: value for name, value in state.items() if name.startswith(("vision_model", "visual_"))})
        return network, side

    def sizes(self, state: Weights) -> tuple[int, int]:
        """Width of the tokens, and side of a patch in pixels."""
        kernel = state["vision_model.embeddings.patch_embedding.weight"]
        return kernel.shape[0], kernel.shape[-1]

    def feature_count(self, state: Weights) -> int:
        """Number of values of the embedding."""
        return state["visual_projection.weight"].shape[0]

    def features_of(self, pixels: Tensor) -> Tensor:
        """The projected embedding."""
        features: Tensor = self.network(pixels).image_embeds
        return features


EXTRACTORS: dict[str, type[VisionTransformer]] = {"dinov2": Dinov2, "clip": Clip}


def usual_place(kind: str) -> Path:
    """The file in which weights are looked for where none is named."""
    return Path(torch.hub.get_dir()) / "checkpoints" / f"{kind}.safetensors"


def missing(path: Path, kind: str) -> UserError:
    """The error of missing weights, which says what to put where."""
    source, size = SOURCES[kind]
    return UserError(
        f"{path}: the {kind} extractor's weights are missing. Download model.safetensors of {source} from "
        f"https://huggingface.co ({size}), and put the file to {usual_place(kind)}; gan-lab evaluate takes one "
        "elsewhere, --weights-file"
    )


def read(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file of weights, as float32; reading executes nothing from it.

    Raises:
        UserError: it can't be read, or is another kind of file.
    """
    try:
        open_regular(path).close()
        return {name: value.float() for name, value in safetensors.torch.load_file(path).items()}
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror or error}") from error
    except SafetensorError as error:
        raise UserError(f"{path} is no safetensors file, or damaged: {error}") from error


def count_layers(state: Weights, pattern: str) -> int:
    """Number of layers: one more than the highest in the names."""
    found = [int(match[1]) for name in state if (match := re.match(pattern, name))]
    if not found:
        raise KeyError("it has no layers of one")
    return max(found) + 1


def load(network: Any, state: Weights) -> None:
    """Load weights by the names that this version of the library has for them.

    Raises:
        RuntimeError: some are missing, or of another shape.
    """
    own = network.state_dict()
    given = {}
    for name, value in state.items():
        newer, older = name, name
        for old, new in RENAMED.items():
            newer, older = newer.replace(old, new), older.replace(new, old)
        given[newer if newer in own else older] = value
    network.load_state_dict({name: value for name, value in given.items() if name in own})


def interpolated(places: Tensor, side: int) -> Tensor:
    """Place embeddings (1, 1 + k^2, d) for another number of patches a side, bicubic, with the authors' offset."""
    before = round((places.shape[1] - 1) ** 0.5)
    if before == side:
        return places
    grid = places[:, 1:].reshape(1, before, before, -1).permute(0, 3, 1, 2)
    grid = F.interpolate(grid, scale_factor=(side + OFFSET) / before, mode="bicubic")
    return torch.cat((places[:, :1], grid.flatten(2).mT), dim=1)
