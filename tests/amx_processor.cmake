# The tests of the kernels on an emulated processor with AMX (scripts/setup --amx), which has the sets of all x86-64
# processors; and on one where Linux has switched off the tiles or refuses them.
set(emulated ${CMAKE_CURRENT_SOURCE_DIR}/emulated)
set(machine ${CMAKE_CURRENT_BINARY_DIR}/machine)
add_custom_command(OUTPUT ${machine}.rom
    COMMAND ${CMAKE_C_COMPILER} -std=gnu11 -Os -Wall -Wextra -ffreestanding -mgeneral-regs-only -mno-red-zone -fno-pic
        -no-pie -fno-stack-protector -fcf-protection=none -fno-asynchronous-unwind-tables -nostdlib -static
        -Wl,--build-id=none,--no-warn-rwx-segments -T ${emulated}/machine.ld
        ${emulated}/boot.S ${emulated}/machine.c ${emulated}/products.c -o ${machine}.elf
    COMMAND ${CMAKE_OBJCOPY} -O binary -j .rom -j .reset ${machine}.elf ${machine}.rom
    DEPENDS ${emulated}/boot.S ${emulated}/machine.c ${emulated}/machine.h ${emulated}/machine.ld ${emulated}/products.c)
add_custom_target(amx_machine ALL DEPENDS ${machine}.rom)

# wiretag_amx_test(NAME PROGRAM ENVIRONMENT...): runs the program on that processor.
function(wiretag_amx_test name program)
    add_test(NAME ${name} COMMAND ${emulated}/run ${machine}.rom $<TARGET_FILE:${program}> ${ARGN})
    set_tests_properties(${name} PROPERTIES TIMEOUT 1200 LABELS long)
endfunction()

foreach(name test_kernels test_kernels_bits test_kernels_choice test_kernels_layers)
    add_executable(${name}_static unit/model/${name}.c)
    target_include_directories(${name}_static BEFORE PRIVATE emulated/static_cmocka unit)
    target_link_libraries(${name}_static PRIVATE wiretag_options wiretag_kernels m)
    # gcc 12 takes memory that a callee fills for uninitialized where a failed assertion ends the program.
    target_compile_options(${name}_static PRIVATE -Wno-maybe-uninitialized)
    target_link_options(${name}_static PRIVATE -static -s)
endforeach()
set(sets "portable avx2 avx-vnni avx512 avx512-vnni avx512-bf16")
wiretag_amx_test(test_kernels_amx test_kernels_static)
wiretag_amx_test(test_kernels_bits_amx test_kernels_bits_static)
wiretag_amx_test(test_kernels_layers_amx test_kernels_layers_static)
wiretag_amx_test(test_kernels_choice_amx test_kernels_choice_static "WIRETAG_EXPECTED_SETS=${sets} amx")
wiretag_amx_test(test_kernels_choice_amx_off test_kernels_choice_static "WIRETAG_EXPECTED_SETS=${sets}" MACHINE_TILES=off)
wiretag_amx_test(test_kernels_choice_amx_refused test_kernels_choice_static "WIRETAG_EXPECTED_SETS=${sets}"
    MACHINE_TILES=refused)
