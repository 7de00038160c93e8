# Front door. Meson (meson.build) is the only build description; this file only names the common trips through it.
B ?= build
.PHONY: all demo test install asan fuzz bench clean
all:
	@tools/deps build
	@[ -f $(B)/build.ninja ] || meson setup $(B)
	ninja -C $(B)
demo: all
	$(B)/src/cli/lianfang demo $(DEMO)
test: all
	@tools/deps test
	tools/run-tests $(B)
install: all
	meson install -C $(B)
asan:
	@tools/deps test
	@[ -f $(B)-asan/build.ninja ] || meson setup $(B)-asan -Db_sanitize=address,undefined -Dfortify=false
	ninja -C $(B)-asan && tools/run-tests $(B)-asan
fuzz:
	@tools/deps fuzz
	tools/fuzz
bench: all
	@tools/deps bench
	tests/bench/run $(B)
clean:
	rm -rf $(B) $(B)-asan $(B)-fuzz
