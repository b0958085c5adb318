"""The primitive's template: render, fit, and what keeps a value in its place. Pure; imports nothing of ours but fde_api."""
