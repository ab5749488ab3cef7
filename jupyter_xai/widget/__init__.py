"""The anywidget class, the runner that feeds it and the view that a user holds."""
