from gan_lab.trainer import Trainer


def test_auto_means_one_device_and_options_go_on_to_lightning() -> None:
    trainer = Trainer(
        accelerator="cpu",
        devices="auto",
        precision="32-true",
        max_steps=7,
        max_epochs=None,
        log_every_n_steps=3,
        logger=False,
        enable_progress_bar=False,
        limit_train_batches=2,
    )
    assert (trainer.num_devices, trainer.max_steps, trainer.limit_train_batches) == (1, 7, 2)
