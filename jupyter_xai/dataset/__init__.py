"""Over many rows: reductions of local explanations and of derivatives, in one process or over workers."""
