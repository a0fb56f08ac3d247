# make run: train, evaluate and install a pipeline, and show what it and the released one find in six short texts.
# make test: run the tests against the package as it is installed from its source distribution.

VENV ?= .venv
PYTHON ?= python3
PY = $(VENV)/bin/python
SOURCES = setup.cfg pyproject.toml constraints.txt MANIFEST.in $(shell find spacy_slavner -type f ! -name '*.pyc')
# What building leaves behind would later be taken for the installed package's entry points.
CLEAN = rm -rf build *.egg-info
# Nothing is imported from the checkout: `python -m` does not look into the working folder.
export PYTHONSAFEPATH = 1

.PHONY: run test clean

run: $(VENV)/installed
	$(PY) -m spacy project run all

test: $(VENV)/tested
	SLAVNER_INSTALLED=1 $(PY) -m pytest

# The extras of a user who trains.
$(VENV)/installed: $(SOURCES) | $(PY)
	$(PY) -m pip install --quiet -c constraints.txt ".[encoder,plots,package]"
	$(PY) -m pip install --quiet --force-reinstall --no-deps .
	$(CLEAN)
	touch $@

# The archive that users would get, not the source tree.
$(VENV)/tested: $(SOURCES) | $(PY)
	rm -rf dist
	$(PY) -m pip install --quiet -c constraints.txt build
	$(PY) -m build --sdist
	$(PY) -m pip install --quiet -c constraints.txt "$$(ls dist/*.tar.gz)[tests]"
	$(PY) -m pip install --quiet --force-reinstall --no-deps dist/*.tar.gz
	$(CLEAN)
	touch $@

$(PY):
	$(PYTHON) -m venv $(VENV)

clean:
	$(CLEAN)
	rm -rf $(VENV) dist
