from tfzero.study.work.attempt import Task
from tfzero.study.work.ready import Ready


def task(key, seconds=1.0, *, needs=(), replicate=0):
    return Task(key, key, seconds, print, (), lambda: False, needs=needs, replicate=replicate)


def take_all(ready):
    """Takes each task that can start, and ends it before the next is taken."""
    order = []
    while (found := ready.take()) is not None:
        order.append(found.key)
        ready.end(found.key)
    return order


def test_replicate_by_replicate_and_first_what_others_wait_for_longest():
    tasks = [
        task("cell", 5.0),
        task("later", 99.0, replicate=1),
        task("of chain", 3.0, needs=("chain",)),
        task("chain", 2.0, needs=("start",)),
        task("start", 1.0),
        task("alike 1", 5.0),
        task("alike 2", 5.0),
    ]
    # The chain takes 6 in all, and what is left of it 5 and 3.
    order = ["start", "cell", "chain", "alike 1", "alike 2", "of chain", "later"]
    assert take_all(Ready(tasks)) == order
    assert take_all(Ready(tasks[::-1]))[0] == "start"


def test_the_next_replicate_starts_while_this_one_waits():
    ready = Ready([task("a"), task("b", needs=("a",)), task("c", replicate=1)])
    assert [ready.take().key, ready.take().key, ready.take()] == ["a", "c", None]
    assert ready.waiting_for("a") == [ready.left["b"]]
    ready.end("a")
    assert ready.waiting_for("a") == [ready.left["b"]]
    assert ready.take().key == "b"
    ready.put_back(ready.left["b"])  # a task put back comes before later replicates again
    ready.put_back(ready.left["c"])
    assert take_all(ready) == ["b", "c"] and not ready.left


def test_what_is_needed_and_not_asked_for_is_there_already():
    ready = Ready([task("b", needs=("a", "c")), task("c")])
    assert take_all(ready) == ["c", "b"]


def test_what_ended_with_what_it_waits_for_does_not_start():
    ready = Ready([task("a"), task("b", needs=("a",))])
    assert ready.take().key == "a"
    ready.end("b")
    ready.end("a")
    assert ready.take() is None and not ready.left
