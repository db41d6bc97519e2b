"""The page of results holds what its command writes."""

from benchmarks import results
from tests.conftest import CONF, REPOSITORY, composed

PAGE = (REPOSITORY / "docs" / "results.md").read_text()
RECIPES = ("mnist_vanilla", "mnist_dcgan", "mnist_wgan", "mnist_wgan_gp", "mnist_cgan", "mnist_r3gan")


def test_a_new_table_takes_the_place_of_the_old_one_and_nothing_else() -> None:
    once = results.replaced(PAGE, "| a table |\n")
    before, after = PAGE.split(results.BEGIN)[0], PAGE.split(results.END)[1]
    assert once == f"{before}{results.BEGIN}| a table |\n{results.END}{after}"
    assert results.replaced(once, "| another |\n") == once.replace("| a table |", "| another |")


def test_recipes_that_are_compared_have_seen_equally_many_images() -> None:
    sweep = (CONF / "sweep" / "variants.yaml").read_text()
    assert ",".join(RECIPES) in sweep
    for recipe in RECIPES:
        config = composed(f"experiment={recipe}")
        assert config.trainer.max_steps * config.data.batch_size == 120_000, recipe
        assert f"experiment={recipe}" in PAGE, "the table names it"
