# Front door. Meson (meson.build) is the only build description; this file only names the common trips through it.
B ?= build
ASAN = -Db_sanitize=address,undefined -Dfortify=false
build = { [ -f $(1)/build.ninja ] || meson setup $(1) $(2); } && ninja -C $(1)
.PHONY: all demo test install asan fuzz bench clean
all:          ; @tools/deps build && $(call build,$(B))
demo: all     ; $(B)/src/cli/lianfang demo $(DEMO)
test: all     ; @tools/deps test && tools/run-tests $(B)
install: all  ; meson install -C $(B)
asan:         ; @tools/deps test && $(call build,$(B)-asan,$(ASAN)) && tools/run-tests $(B)-asan
fuzz:         ; @tools/deps fuzz && tools/fuzz
bench: all    ; @tools/deps bench && tests/bench/run $(B)
clean:        ; rm -rf $(B) $(B)-asan $(B)-fuzz
