# Front door. Meson (meson.build) is the only build description; this file only names the common trips through it.
B ?= build
.PHONY: all demo test install asan fuzz bench deps clean
all: $(B)/build.ninja
	ninja -C $(B)
$(B)/build.ninja: | deps
	meson setup $(B)
deps:
	@tools/deps build
demo: all
	$(B)/lianfang demo
test: all
	@tools/deps test
	tools/run-tests $(B)
install: all
	meson install -C $(B)
asan: deps
	@tools/deps test
	[ -d $(B)-asan ] || meson setup $(B)-asan -Db_sanitize=address,undefined -Dbuildtype=debugoptimized -Dfortify=false
	ninja -C $(B)-asan && tools/run-tests $(B)-asan
fuzz: deps
	@tools/deps fuzz
	tools/fuzz
bench: all
	@tools/deps bench
	tests/bench/run $(B)
clean:
	rm -rf $(B) $(B)-asan $(B)-fuzz
