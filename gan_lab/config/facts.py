"""Facts about the options of a configuration, found where they are stated: in the constructors' annotations."""

from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from omegaconf import DictConfig, OmegaConf

from gan_lab.config.allowed import is_inside, resolve
from gan_lab.config.saved_config import leaves
from gan_lab.config.schema import Root, parameters
from gan_lab.utils.errors import UserError
from gan_lab.utils.types import Fact, OnResume

# Other packages can't state facts. What they may write to a file goes by one of these names.
FOREIGN_OUTPUTS = {"file", "folder", "save_dir", "dirpath"}


def facts_about(config: Mapping[str, Any] | DictConfig, path: str) -> list[Fact | OnResume]:
    """The facts stated about an option and the parts that it lies in, outermost first.

    Args:
        config: a whole configuration, plain or not; of parts that it lacks or that name no class nothing is known.
        path: of an option or a part, "trainer.max_steps" say. What lies in a list has the facts of the list.
    """
    node: Any = plain(config)
    annotation: Any = Root
    facts: list[Fact | OnResume] = []
    for key in path.split("."):
        key = key.partition("[")[0]
        if _is_foreign(node) and key in FOREIGN_OUTPUTS:
            facts.append(Fact.OUTPUT_PATH)
        annotation = _annotation(annotation, node, key)
        facts += _stated(annotation)
        node = node.get(key) if isinstance(node, Mapping) else None
    return facts


def options_with(fact: Fact, config: Mapping[str, Any] | DictConfig) -> list[str]:
    """The paths of all options of a configuration that a fact holds for."""
    values = plain(config)
    return [path for path, _ in leaves(values) if fact in facts_about(values, path)]


def plain(config: Mapping[str, Any] | DictConfig) -> Any:
    """A configuration in plain containers, references to other values left as they are."""
    return OmegaConf.to_container(config) if OmegaConf.is_config(config) else config


def _annotation(outer: Any, node: Any, key: str) -> Any:
    """The annotation of what lies under a key of a node, whose own annotation is `outer`."""
    if isinstance(node, Mapping) and "_target_" in node:
        try:
            outer = resolve(node["_target_"], "_target_")
        except UserError:
            return Any
    for kind in _alternatives(outer):
        if get_origin(kind) in (dict, Mapping):
            return get_args(kind)[1]
        if isinstance(kind, type) and key in (declared := parameters(kind)[0]):
            return declared[key].annotation
    return Any


def _stated(annotation: Any) -> Iterator[Fact | OnResume]:
    if get_origin(annotation) is Annotated:
        inner, *stated = get_args(annotation)
        yield from (fact for fact in stated if isinstance(fact, (Fact, OnResume)))
        yield from _stated(inner)
    elif get_origin(annotation) in (Union, UnionType):
        for kind in get_args(annotation):
            yield from _stated(kind)


def _alternatives(annotation: Any) -> Iterator[Any]:
    """The types that an annotation allows, without what is said of them."""
    if get_origin(annotation) is Annotated:
        yield from _alternatives(get_args(annotation)[0])
    elif get_origin(annotation) in (Union, UnionType):
        for kind in get_args(annotation):
            yield from _alternatives(kind)
    else:
        yield annotation


def _is_foreign(node: Any) -> bool:
    return isinstance(node, Mapping) and "_target_" in node and not is_inside(str(node["_target_"]), "gan_lab")
