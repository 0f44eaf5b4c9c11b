# The tests of the kernels on emulated ARM processors that have less than the others: each has its sets and no other,
# and no set has an instruction that its processor lacks.
function(wiretag_arm_processor cpu)
    string(REPLACE ";" " " sets "${ARGN}")
    foreach(name test_kernels test_kernels_bits test_kernels_choice test_kernels_layers)
        add_test(NAME ${name}_${cpu} COMMAND ${CMAKE_CROSSCOMPILING_EMULATOR} -cpu ${cpu} $<TARGET_FILE:${name}>)
        set_tests_properties(${name}_${cpu} PROPERTIES TIMEOUT 1200 ENVIRONMENT "WIRETAG_EXPECTED_SETS=${sets}")
    endforeach()
endfunction()

wiretag_arm_processor(cortex-a72 portable neon)
wiretag_arm_processor(neoverse-n1 portable neon neon-dotprod)
wiretag_arm_processor(max portable neon neon-dotprod neon-i8mm neon-bf16)
