"""Charts, drawn as SVG: attributes decide how they look, so they are whole without a style and without a script.

May import ``nilometer.report.series`` and what lies below it. Begin with ``figure``, a chart with its controls; then
``lines`` (a VM), ``stack`` (a host), ``strip`` (a row of the fleet) and ``request``. ``scales`` says where it stands.
"""
