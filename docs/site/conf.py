"""The website, made by Sphinx with Furo: `make site`."""

project = "provisioner"
author = "The authors of provisioner"
copyright = "The authors of provisioner"  # noqa: A001  # Sphinx's own name
extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4
smartquotes = False  # they turn --option in a sentence into a dash
html_theme = "furo"
html_title = "provisioner"
html_static_path = ["style"]
html_css_files = ["narrow.css"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True}
suppress_warnings = ["misc.highlighting_failure"]
