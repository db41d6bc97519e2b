"""Several workers have ended: the one that failed is distinguished from those that lost touch with it."""

from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure

from gan_lab.distributed.agent import first_failure


def failed(message: object, when: int, exit_code: int = 1) -> ProcessFailure:
    failure = ProcessFailure(local_rank=0, pid=1, exitcode=exit_code, error_file="<N/A>")
    failure.message = message  # type: ignore[assignment]
    failure.timestamp = when
    return failure


LOST_TOUCH = failed({"message": "RuntimeError: [gloo/transport] Connection closed by peer"}, when=1)


def test_a_refusal_is_passed_on_as_its_message() -> None:
    refused = failed({"message": "UserError: data.root: there is nothing"}, when=2)
    error = ChildFailedError("workers", {0: LOST_TOUCH, 1: refused})
    assert first_failure(error) == {"message": "data.root: there is nothing", "user_error": True, "exit_code": 1}


def test_another_failure_says_which_process_it_was() -> None:
    crashed = failed({"message": "ValueError: no"}, when=1, exit_code=-9)
    error = ChildFailedError("workers", {0: LOST_TOUCH, 1: crashed})
    assert first_failure(error) == {"message": "process 1: ValueError: no", "user_error": False, "exit_code": -9}


def test_of_two_failures_the_earlier_counts() -> None:
    early, late = failed("Signal 9 (SIGKILL) received by PID 7", when=1), failed({"message": "ValueError: no"}, when=2)
    assert first_failure(ChildFailedError("workers", {0: late, 1: early}))["message"] == (
        "process 1: Signal 9 (SIGKILL) received by PID 7"
    )
