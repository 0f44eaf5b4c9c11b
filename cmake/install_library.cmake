# What cmake --install puts where for programs that use wiretag as a library:
#
#   LIBDIR/libwiretag.so, libwiretag-tokenizer.so    each with its version
#   INCLUDEDIR/wiretag/*.h
#   LIBDIR/pkgconfig/wiretag.pc, wiretag-tokenizer.pc
#   LIBDIR/cmake/wiretag                             find_package(wiretag)
#
# All of them find each other relative to themselves, so that a prefix can be moved. libwiretag finds libtorch where the
# program does (install.cmake).
include(CMakePackageConfigHelpers)

set(WIRETAG_LIBRARY_RPATH "$ORIGIN")
if(WIRETAG_MODEL STREQUAL "torch")
    if(WIRETAG_INSTALL_TORCH AND NOT TORCH_ROOT MATCHES "^/usr(/local)?/?$")
        list(APPEND WIRETAG_LIBRARY_RPATH "$ORIGIN/wiretag/torch/lib")
    else()
        list(APPEND WIRETAG_LIBRARY_RPATH ${TORCH_ROOT}/lib)
    endif()
endif()
set_target_properties(wiretag_shared PROPERTIES
    BUILD_WITH_INSTALL_RPATH ON INSTALL_RPATH "${WIRETAG_LIBRARY_RPATH}")
install(TARGETS wiretag_shared wiretag_tokenizer_shared EXPORT wiretag LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/wiretag DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN *.h)

file(RELATIVE_PATH WIRETAG_TO_PREFIX ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" WIRETAG_TO_PREFIX ${WIRETAG_TO_PREFIX})
file(RELATIVE_PATH WIRETAG_LIBDIR ${CMAKE_INSTALL_PREFIX} ${CMAKE_INSTALL_FULL_LIBDIR})
file(RELATIVE_PATH WIRETAG_INCLUDEDIR ${CMAKE_INSTALL_PREFIX} ${CMAKE_INSTALL_FULL_INCLUDEDIR})
foreach(library IN ITEMS wiretag wiretag-tokenizer)
    configure_file(cmake/${library}.pc.in ${library}.pc @ONLY)
    install(FILES ${PROJECT_BINARY_DIR}/${library}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()

set(WIRETAG_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/wiretag)
install(EXPORT wiretag FILE wiretag-targets.cmake NAMESPACE wiretag:: DESTINATION ${WIRETAG_PACKAGE_DIR})
configure_package_config_file(cmake/wiretag-config.cmake.in wiretag-config.cmake
    INSTALL_DESTINATION ${WIRETAG_PACKAGE_DIR} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/wiretag-config-version.cmake COMPATIBILITY SameMajorVersion)
install(FILES ${PROJECT_BINARY_DIR}/wiretag-config.cmake ${PROJECT_BINARY_DIR}/wiretag-config-version.cmake
    DESTINATION ${WIRETAG_PACKAGE_DIR})
