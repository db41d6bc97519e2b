"""Train a GAN: `python train.py --help` says how. It is `gan-lab train`, from a checkout."""

from gan_lab.cli.train import main

if __name__ == "__main__":
    main()
