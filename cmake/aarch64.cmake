# Toolchain: for ARM64, on another Debian, with Debian's cross compiler. The libraries are those of
# .deps/arm64 (scripts/setup --arm), and what is built runs here by qemu, which has every instruction that the
# kernels choose from.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)

cmake_path(SET WIRETAG_ARM NORMALIZE "${CMAKE_CURRENT_LIST_DIR}/../.deps/arm64")
set(CMAKE_SYSROOT ${WIRETAG_ARM}/debian)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${CMAKE_SYSROOT})
set(ENV{PKG_CONFIG_LIBDIR} ${CMAKE_SYSROOT}/usr/lib/aarch64-linux-gnu/pkgconfig:${CMAKE_SYSROOT}/usr/share/pkgconfig)
set(TORCH_ROOT ${WIRETAG_ARM}/libtorch/torch CACHE PATH "libtorch for ARM64")
set(RDKAFKA_ROOT ${WIRETAG_ARM}/librdkafka CACHE PATH "The confluent-kafka wheel for ARM64, unpacked")

set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -cpu max -L ${CMAKE_SYSROOT})
