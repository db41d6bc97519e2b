"""What scores are computed of: images from a trained run or given by hand, and the real ones they are held against."""
