"""Removes from a saved graph what depends on the process that saved it."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Iterator

from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2

# TensorFlow counts functions and captured tensors over the life of a process and puts the number
# into names: `__inference_serving_default_319`, `map_while_body_187`.
_COUNTED = re.compile(r"(.*[_-])(\d+)", re.DOTALL)


def make_canonical(graph_file: pathlib.Path) -> None:
    """Renumbers generated names, so that one model gives the same bytes in any process.

    Args:
        graph_file: A `saved_model.pb`, rewritten in place.
    """
    saved = saved_model_pb2.SavedModel.FromString(graph_file.read_bytes())
    for meta_graph in saved.meta_graphs:
        _renumber(meta_graph)
    graph_file.write_bytes(saved.SerializeToString(deterministic=True))


def _renumber(meta_graph: meta_graph_pb2.MetaGraphDef) -> None:
    """Gives functions the numbers 0, 1, ... in their order of birth."""
    library = meta_graph.graph_def.library
    functions = _number([function.signature.name for function in library.function])
    for node in _nodes(meta_graph):
        _rename_in_node(node, functions)
    for function in library.function:
        function.signature.name = functions.get(function.signature.name, function.signature.name)
        _rename_arguments(function, functions)
    library.function.sort(key=lambda function: function.signature.name)
    _rename_in_objects(meta_graph.object_graph_def, functions)


def _number(names) -> dict[str, str]:
    """Maps each counted name to one whose number is its rank."""
    found = [match for match in map(_COUNTED.fullmatch, set(names)) if match]
    found.sort(key=lambda match: (int(match[2]), match[1]))
    return {match[0]: f"{match[1]}{rank}" for rank, match in enumerate(found)}


def _nodes(meta_graph: meta_graph_pb2.MetaGraphDef) -> Iterator:
    yield from meta_graph.graph_def.node
    for function in meta_graph.graph_def.library.function:
        yield from function.node_def


def _rename_in_node(node, functions: dict[str, str]) -> None:
    """Renames the functions that a node calls."""
    node.op = functions.get(node.op, node.op)
    # A counted name ("CustomGradient-42") of what is not saved: loading would warn of it.
    if "_gradient_op_type" in node.attr:
        del node.attr["_gradient_op_type"]
    for value in node.attr.values():
        called = [value.func] if value.WhichOneof("value") == "func" else value.list.func
        for function in called:
            function.name = functions.get(function.name, function.name)


def _rename_arguments(function, functions: dict[str, str]) -> None:
    """Renames arguments of loops and conditions, which bear the name of a function."""
    renamed = {}
    for argument in function.signature.input_arg:
        head, mark, tail = argument.name.partition("___redundant_placeholder")
        owner = max((old for old in functions if mark and head.endswith(old)), key=len, default="")
        if owner:
            renamed[argument.name] = head.removesuffix(owner) + functions[owner] + mark + tail
            argument.name = renamed[argument.name]
    for node in function.node_def:
        node.input[:] = [renamed.get(name, name) for name in node.input] if renamed else node.input
    for attributes in function.arg_attr.values():
        name = attributes.attr.get("_user_specified_name")
        if name is not None and name.s.isdigit():
            name.s = b"captured"


def _rename_in_objects(object_graph, functions: dict[str, str]) -> None:
    """Renames the functions that the objects of the SavedModel refer to."""
    entries = {
        name: type(entry).FromString(entry.SerializeToString())
        for name, entry in object_graph.concrete_functions.items()
    }
    object_graph.concrete_functions.clear()  # old and new names can overlap
    for name, entry in entries.items():
        object_graph.concrete_functions[functions.get(name, name)].CopyFrom(entry)
    for node in object_graph.nodes:
        kind = node.WhichOneof("kind")
        if kind == "function":
            names = node.function.concrete_functions
            names[:] = [functions.get(name, name) for name in names]
        elif kind == "bare_concrete_function":
            bare = node.bare_concrete_function
            bare.concrete_function_name = functions.get(
                bare.concrete_function_name, bare.concrete_function_name
            )
