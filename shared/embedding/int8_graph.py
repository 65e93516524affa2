"""An ONNX graph whose int8 weights are turned into floats before use, rewritten so that they are multiplied as they are.

The exporter wrote each weight as `Cast(int8) -> Mul(scale) -> MatMul` (or `Gather`). The runtime works the first two out when
it loads the graph, and then holds and multiplies floats. Rewritten: less time and memory (`docs/measurements.md`).

- `MatMul(x, Mul(Cast(w), scale))` becomes `DynamicQuantizeMatMul(x, w, scale)`, which rounds x to bytes as well.
- `Gather(Mul(Cast(w), scale), at)` becomes `Mul(Cast(Gather(w, at)), Gather(scale, at))`: rows are looked up as bytes.

Of onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto, field numbers are frozen) only what is touched is
declared; protobuf carries the rest along unread.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_FIELDS = {
    "Model": {"graph": (7, "Graph"), "opset_import": (8, ["Opset"])},
    "Opset": {"domain": (1, "string"), "version": (2, "int64")},
    "Graph": {"node": (1, ["Node"]), "initializer": (5, ["Tensor"])},
    "Node": {
        "input": (1, ["string"]),
        "output": (2, ["string"]),
        "name": (3, "string"),
        "op_type": (4, "string"),
        "domain": (7, "string"),
    },
    "Tensor": {"dims": (1, ["int64"]), "name": (8, "string")},
}
"""{message: {field: (number, type; in a list: repeated)}}."""
_CONTRIB = "com.microsoft"
"""Where onnxruntime keeps operators that are not in the standard."""


def multiply_int8(model: bytes) -> bytes:
    """The model with its int8 weights multiplied as they are. Raises `ValueError` when it has none of that form."""
    found = _model_class()()
    found.ParseFromString(model)
    graph = found.graph
    weights = _weights(graph)
    used = Counter(name for node in graph.node for name in node.input)
    shapes = {tensor.name: tensor for tensor in graph.initializer}
    nodes: list[Any] = []
    rewritten: set[str] = set()
    for node in graph.node:
        name = next((each for each in node.input if each in weights and used[each] == 1), None)
        if name is None or node.op_type not in {"MatMul", "Gather"}:
            nodes.append(node)
            continue
        rewritten.add(name)
        cast, scaled, weight, scale = weights[name]
        if node.op_type == "MatMul":
            columns = shapes[scale].dims
            del columns[:-1]  # [1, n]: one scale for each column
            nodes.append(_copy(node, "DynamicQuantizeMatMul", [node.input[0], weight, scale], node.output[0], _CONTRIB))
            continue
        rows, scales, floats = (f"{name}/{part}" for part in ("rows", "scales", "floats"))
        nodes += [
            _copy(node, "Gather", [weight, node.input[1]], rows),
            _copy(node, "Gather", [scale, node.input[1]], scales),
            _copy(cast, "Cast", [rows], floats),
            _copy(scaled, "Mul", [floats, scales], node.output[0]),
        ]
    if not rewritten:
        raise ValueError("no int8 weights of the known form")
    gone = rewritten | {weights[name][1].input[0] for name in rewritten}
    kept = [node.SerializeToString() for node in nodes if node.output[0] not in gone]
    del graph.node[:]
    for node in kept:
        graph.node.add().ParseFromString(node)
    found.opset_import.add(domain=_CONTRIB, version=1)
    return found.SerializeToString()


def _weights(graph: Any) -> dict[str, tuple[Any, Any, str, str]]:
    """{name of a weight as floats: its Cast, its Mul, names of its int8 values and their scales}."""
    stored = {tensor.name for tensor in graph.initializer}
    casts = {node.output[0]: node for node in graph.node if node.op_type == "Cast" and node.input[0] in stored}
    return {
        node.output[0]: (casts[node.input[0]], node, casts[node.input[0]].input[0], node.input[1])
        for node in graph.node
        if node.op_type == "Mul" and node.input[0] in casts and node.input[1] in stored
    }


def _copy(node: Any, operator: str, inputs: list[str], output: str, domain: str = "") -> Any:
    """A node with the attributes of another."""
    new = type(node)()
    new.CopyFrom(node)
    new.name, new.op_type, new.domain = output, operator, domain
    new.input[:] = inputs
    new.output[:] = [output]
    return new


def _model_class() -> Any:
    field_type = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="part_of_onnx.proto", package="part_of_onnx", syntax="proto2")
    for message, fields in _FIELDS.items():
        declared = file.message_type.add(name=message)
        for name, (number, kind) in fields.items():
            label = field_type.LABEL_REPEATED if isinstance(kind, list) else field_type.LABEL_OPTIONAL
            one = kind[0] if isinstance(kind, list) else kind
            field = declared.field.add(name=name, number=number, label=label)
            if one in _FIELDS:
                field.type, field.type_name = field_type.TYPE_MESSAGE, f".part_of_onnx.{one}"
            else:
                field.type = field_type.TYPE_STRING if one == "string" else field_type.TYPE_INT64
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("part_of_onnx.Model"))
