"""Which image sizes a stack of doublings reaches."""


def quarter(image_size: int) -> int:
    """The side of the map that two doublings turn into the image.

    Raises:
        ValueError: the image is not a multiple of four pixels wide.
    """
    if image_size < 4 or image_size % 4:
        raise ValueError(
            f"this network doubles its map twice, so the image size must be a multiple of 4, not {image_size}"
        )
    return image_size // 4


def doublings(image_size: int) -> int:
    """How often a 4x4 map doubles to become the image.

    Raises:
        ValueError: no number of doublings does.
    """
    count = (image_size // 4).bit_length() - 1
    if count < 1 or 4 * 2**count != image_size:
        raise ValueError(
            f"this network doubles a 4x4 map, so the image size must be 8, 16, 32, 64, ..., not {image_size}"
        )
    return count
