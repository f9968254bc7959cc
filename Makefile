# Every target does its own set-up: `make demo` and `make test` work on a fresh machine.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.setup-done
CPP_BUILD := build/cpp-sanitized
PLUGIN_BUILD := build/plugin

.PHONY: setup build check plugin install-plugin plugin-windows plugin-macos test test-cpp fuzz bench fidelity demo factory-models docs clean

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt CMakeLists.txt engine/CMakeLists.txt scripts/setup.sh
	PYTHON=$(PYTHON) sh scripts/setup.sh $(VENV)
	touch $@

build: $(STAMP)
	$(BIN)/python -m pip install -q --no-build-isolation --no-deps -e .

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test-cpp: $(STAMP)
	mkdir -p build
	$(BIN)/cmake -S . -B $(CPP_BUILD) -G Ninja -DCMAKE_MAKE_PROGRAM=$(abspath $(BIN))/ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo \
	  -DTRIODE_TESTS=ON -DTRIODE_SANITIZE=ON -DPython_EXECUTABLE=$(abspath $(BIN))/python > build/cpp-configure.log
	$(BIN)/cmake --build $(CPP_BUILD)
	$(BIN)/ctest --test-dir $(CPP_BUILD) --output-on-failure --no-tests=error

plugin: build
	sh scripts/plugin.sh $(VENV) $(PLUGIN_BUILD)

install-plugin: build
	sh scripts/plugin.sh $(VENV) $(PLUGIN_BUILD) install

plugin-windows: $(STAMP)
	sh scripts/plugin_zig.sh $(VENV) $(PLUGIN_BUILD)-windows x86_64-windows-gnu

plugin-macos: $(STAMP)
	sh scripts/plugin_zig.sh $(VENV) $(PLUGIN_BUILD)-macos macos

test: build check test-cpp
	sh scripts/plugin.sh $(VENV) $(PLUGIN_BUILD) optional
	$(BIN)/python -m pytest -n auto --dist loadfile

fuzz: build
	TRIODE_FUZZ_SECONDS=600 $(BIN)/python -m pytest tests/test_fuzz.py

bench: build
	$(BIN)/python -m benchmarks

fidelity: build
	$(BIN)/python -m benchmarks.classics

demo: $(STAMP)
	$(BIN)/triode demo --out demo

factory-models: build
	$(BIN)/python scripts/factory_models.py

docs: build
	$(BIN)/python -m benchmarks.circuits

clean:
	rm -rf build demo $(VENV)
