# Two commands: `make chat` talks, `make test` tests. Everything lives in .venv; remove that folder to start afresh.
SHELL = /bin/sh
MAKEFLAGS += --no-print-directory
VENV = .venv
BIN = $(VENV)/bin
PIP = PYTHONWARNINGS=ignore $(BIN)/python -m pip --disable-pip-version-check
TORCH = $(shell sed -n 's/.*"\(torch==[^"]*\)".*/\1/p' pyproject.toml)

# The first Python that fits; `make chat PYTHON=/path/to/python` chooses another.
FITS = -c 'import sys; sys.exit(sys.version_info < (3, 11))'
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python3.14; do \
	$$python $(FITS) 2>/dev/null && echo $$python && break; done)

# What is told before the program itself is there to speak the language of the terminal.
TAKES = takes some minutes, once
LARGEST = , the largest part
OTHERS = everything else
NEEDS = Companion needs Python 3.11 or newer, and found none. Install it, then type the same command again:
ELSEWHERE = another place
WHAT_FOR = what $* needs
CHAT = talk in this terminal (the first time it installs what is needed)
TEST = run all tests but the slow ones; make test-all runs those too
LINT = ruff, mypy and the import rules
DOCS = write the tables of docs/settings.md and docs/models.md anew
COMPILED = compile what the library of the command line says in other languages
ifneq ($(filter zh%,$(or $(COMPANION_LANGUAGE),$(LC_ALL),$(LC_MESSAGES),$(LANG))),)
TAKES = 需要几分钟，只有这一次
LARGEST = ，最大的一部分
OTHERS = 其余的一切
NEEDS = Companion 需要 Python 3.11 或更新的版本，这里没有找到。请安装后再输入同样的命令：
ELSEWHERE = 装在别处时
WHAT_FOR = $* 所需的一切
CHAT = 在这个终端里聊天（第一次会先安装所需的一切）
TEST = 运行测试，不含耗时的；make test-all 运行全部
LINT = ruff、mypy 和导入规则
DOCS = 重新生成 docs/settings.md 和 docs/models.md 里的表格
COMPILED = 编译命令行库在其他语言里说的话
endif

.PHONY: help chat test test-all lint docs texts
.DEFAULT_GOAL = help

help:
	@echo 'make chat      $(CHAT)'
	@echo 'make test      $(TEST)'
	@echo 'make lint      $(LINT)'
	@echo 'make docs      $(DOCS)'
	@echo 'make texts     $(COMPILED)'

chat: $(VENV)/installed
	@$(BIN)/python -m bot chat

# Most tests wait for processes and not for the processor: one more at a time than there are processors keeps those busy.
PYTEST = $(BIN)/python -m pytest --numprocesses $(NUM_AT_ONCE) --dist worksteal
NUM_AT_ONCE = $(shell expr $$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN) + 1)

test: $(VENV)/installed-test
	@$(PYTEST) -m 'not slow' $(ARGS)

test-all: $(VENV)/installed-serving
	@$(PYTEST) $(ARGS)

lint: $(VENV)/installed-lint
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/installed
	@$(BIN)/python docs/settings_table.py
	@$(BIN)/python docs/models_table.py

texts: $(VENV)/installed
	@$(BIN)/pybabel compile -d bot/locales/click -D click

# A file says what is installed, so the second start calls no pip. All of pip's words go to stderr: stdout is for replies.
$(VENV)/installed: pyproject.toml
	@test -n '$(PYTHON)' && $(PYTHON) $(FITS) || { exec >&2; \
		echo '$(NEEDS)'; \
		echo '  Debian, Ubuntu: sudo apt install python3 python3-venv      Fedora: sudo dnf install python3'; \
		echo '  macOS: brew install python@3.13      $(ELSEWHERE): make chat PYTHON=/path/to/python3'; exit 1; }
	@echo 'install  $(TAKES)' >&2
	@test -x $(BIN)/pip || $(PYTHON) -m venv --clear $(VENV) >&2
	@$(PIP) install --quiet --upgrade 'pip>=25.1' >&2
	@echo 'install  $(TORCH)$(LARGEST)' >&2
	@$(PIP) install $(TORCH) >&2
	@echo 'install  $(OTHERS)' >&2
	@$(PIP) install --quiet --editable '.[all]' >&2
	@touch $@

$(VENV)/installed-%: $(VENV)/installed
	@echo 'install  $(WHAT_FOR)' >&2
	@$(PIP) install --quiet --group $* >&2
	@touch $@
