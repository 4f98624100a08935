#!/usr/bin/env bash
# The site of documentation, offline, into docs/_build/site: pip install -e '.[docs]' first. A warning is an error.
set -euo pipefail
cd "$(dirname "$0")"
rm -rf _build && mkdir -p _build/source
cp -r conf.py index.md explanation howto reference report.png _build/source/
mkdir -p _build/source/tutorials _build/source/docs && cp tutorials/index.md ../examples/0*.ipynb ../examples/coming_from.md _build/source/tutorials/
cp -r ../examples/solutions _build/source/tutorials/solutions
cp ../CONTRIBUTING.md ../CHANGELOG.md _build/source/
"${PYTHON:-python}" -m sphinx -q -W --keep-going -b html _build/source _build/site
echo "docs/_build/site/index.html"
