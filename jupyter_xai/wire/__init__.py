"""What crosses to the browser: the schema, its encoding and the generated TypeScript types."""

from jupyter_xai.wire.curves import encode_curves
from jupyter_xai.wire.encode import (
    encode_frame,
    encode_geometry,
    encode_opening,
    encode_params,
    encode_status,
)
from jupyter_xai.wire.layouts import encode_layout
from jupyter_xai.wire.overview import encode_overview
from jupyter_xai.wire.schema import MAX_OUTPUT_NAMES, SCHEMA_VERSION

__all__ = [
    "MAX_OUTPUT_NAMES",
    "SCHEMA_VERSION",
    "encode_curves",
    "encode_frame",
    "encode_geometry",
    "encode_layout",
    "encode_opening",
    "encode_overview",
    "encode_params",
    "encode_status",
]
