"""Write errors.md anew."""

from tests.wrong_inputs.page import PAGE, page

if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE)
