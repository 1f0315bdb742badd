"""Settings of the Jupyter server that `maturation lab` starts: what is kept of figures."""


def without_bitmaps(model, **_):
    """Leaves out the bitmaps that JupyterLab adds to figures, of a hundred kilobytes each, where there is a vector graphic."""
    if model["type"] != "notebook" or not model.get("content"):
        return
    for cell in model["content"]["cells"]:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "application/vnd.plotly.v1+json" in data and "image/svg+xml" in data:
                data.pop("image/png", None)


c.ContentsManager.pre_save_hook = without_bitmaps  # noqa: F821 (Jupyter gives `c`)
