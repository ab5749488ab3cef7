/**
 * JupyterLab takes arrows and letters for its own shortcuts while a notebook is in command mode, unless the focused
 * element itself says that it has use for them.
 */
export const OWN_KEYS = { "data-lm-suppress-shortcuts": "true" } as const;
