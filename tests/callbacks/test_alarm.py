from gan_lab.callbacks.alarm import Alarm


def test_it_begins_with_enough_bad_checks_in_a_row_and_ends_with_a_good_one() -> None:
    alarm = Alarm(patience=2)
    outcomes = [True, False, True, True, True, False, False, True]
    changes = [None, None, None, "begins", None, "ends", None, None]
    assert [alarm.hear(bad) for bad in outcomes] == changes


def test_a_resumed_one_goes_on_counting_and_does_not_repeat_itself() -> None:
    before, after = Alarm(patience=2), Alarm(patience=2)
    before.hear(True)
    after.load_state_dict(before.state_dict())
    assert after.hear(True) == "begins"
    again = Alarm(patience=2)
    again.load_state_dict(after.state_dict())
    assert again.on
    assert again.hear(True) is None
