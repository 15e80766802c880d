"""What a traced graph computes in which type."""

import tensorflow as tf

_ON_A_GPU = ("StatelessRandomUniformIntV2", "Bitcast", "TopKV2", "Placeholder")


def list_operations(function, *arguments):
    """Returns all operations of a function's graph, those of the functions it calls included."""
    graph = tf.function(function).get_concrete_function(*arguments).graph
    found, waiting, seen = [], [graph], set()
    while waiting:
        graph = waiting.pop()
        found += graph.get_operations()
        for name, inner in graph._functions.items():
            if name not in seen and getattr(inner, "graph", None) is not None:
                seen.add(name)
                waiting.append(inner.graph)
    return found


def list_computed_on_the_host(function, *arguments):
    """Returns what a GPU would leave to the host: int32 numbers per image or per pixel.

    Shapes and seeds are int32, too, but have few elements. Sizes must be known for that: trace with
    a batch of some size, larger than 12. What draws, sorts or copies runs on a GPU all the same.
    """
    found = []
    for operation in list_operations(function, *arguments):
        read = [] if operation.type == "Cast" else operation.inputs
        made = [] if operation.type in _ON_A_GPU else operation.outputs
        found += [
            f"{operation.type} {tensor.name}"
            for tensor in (*read, *made)
            if tensor.dtype == tf.int32 and not _is_small(tensor)
        ]
    return found


def _is_small(tensor):
    count = tensor.shape.num_elements()
    return count is None or count <= 12
