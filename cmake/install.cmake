# What cmake --install puts where. A prefix is whole and can be moved: beside the program lie the libraries that no
# distribution has, and it looks for them relative to itself.
#
#   BINDIR/wiretag
#   LIBDIR/wiretag/librdkafka-….so.1         of the confluent-kafka wheel, where the build took that
#   LIBDIR/wiretag/torch/lib, …/nvidia/…     of libtorch: WIRETAG_INSTALL_TORCH
#   DOCDIR                                   the licences of all that
#
# The libraries are copied as they are: stripping one whose headers a wheel's tools have rewritten breaks it.
include(GNUInstallDirs)

install(CODE "set(WIRETAG_FOLDERS ${CMAKE_INSTALL_BINDIR} ${CMAKE_INSTALL_LIBDIR}/cmake ${CMAKE_INSTALL_LIBDIR}/pkgconfig
    ${CMAKE_INSTALL_INCLUDEDIR} ${CMAKE_INSTALL_MANDIR}/man1 ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
    ${CMAKE_INSTALL_DATADIR}/zsh/site-functions ${CMAKE_INSTALL_DOCDIR})" ALL_COMPONENTS)
install(SCRIPT cmake/install_folders.cmake ALL_COMPONENTS)

set(WIRETAG_LIBRARY_DIR ${CMAKE_INSTALL_LIBDIR}/wiretag)
file(RELATIVE_PATH WIRETAG_TO_LIBRARIES ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR}/wiretag)
set(WIRETAG_BUILD_RPATH "")
set(WIRETAG_INSTALL_RPATH "")

# Adds a folder to where the program of the build looks: as seen from there, if both lie in this tree.
function(wiretag_build_rpath folder)
    cmake_path(IS_PREFIX PROJECT_SOURCE_DIR ${folder} NORMALIZE folder_inside)
    cmake_path(IS_PREFIX PROJECT_SOURCE_DIR ${PROJECT_BINARY_DIR} NORMALIZE build_inside)
    if(folder_inside AND build_inside)
        file(RELATIVE_PATH folder ${PROJECT_BINARY_DIR} ${folder})
        set(folder "$ORIGIN/${folder}")
    endif()
    list(APPEND WIRETAG_BUILD_RPATH ${folder})
    set(WIRETAG_BUILD_RPATH ${WIRETAG_BUILD_RPATH} PARENT_SCOPE)
endfunction()

# --- librdkafka: a system's own is left where it is ---

if(WIRETAG_RDKAFKA_LIBRARY)
    cmake_path(GET WIRETAG_RDKAFKA_LIBRARY PARENT_PATH WIRETAG_FOLDER)
    wiretag_build_rpath(${WIRETAG_FOLDER})
    list(APPEND WIRETAG_INSTALL_RPATH "$ORIGIN/${WIRETAG_TO_LIBRARIES}")
    install(PROGRAMS ${WIRETAG_RDKAFKA_LIBRARY} DESTINATION ${WIRETAG_LIBRARY_DIR})
    file(GLOB WIRETAG_LICENCES ${RDKAFKA_ROOT}/confluent_kafka-*.dist-info/licenses/LICENSE)
    install(FILES ${WIRETAG_LICENCES} DESTINATION ${CMAKE_INSTALL_DOCDIR}/librdkafka)
endif()

# --- libtorch ---

# With CUDA all of them: cuDNN and cuBLAS load more than they name.
function(wiretag_install_torch)
    file(REAL_PATH ${TORCH_ROOT} root)
    cmake_path(GET root PARENT_PATH wheels)
    file(GLOB cublas ${wheels}/nvidia/*/lib/libcublas.so*)
    if(WIRETAG_INSTALL_TORCH STREQUAL "cpu" OR NOT cublas OR NOT EXISTS ${root}/lib/libtorch_cuda.so)
        install(CODE "set(WIRETAG_TORCH_ROOT [[${root}]])
            set(WIRETAG_SYSROOT [[${CMAKE_SYSROOT}]])
            set(WIRETAG_LIBRARY_DIR [[${WIRETAG_LIBRARY_DIR}]])" COMPONENT libtorch)
        install(SCRIPT ${PROJECT_SOURCE_DIR}/cmake/install_torch.cmake COMPONENT libtorch)
    else()
        message(STATUS "cmake --install will take libtorch with CUDA, gigabytes: -DWIRETAG_INSTALL_TORCH=cpu or OFF does not")
        file(GLOB libraries ${root}/lib/*.so*)
        list(FILTER libraries EXCLUDE REGEX "libtorch_python")
        install(PROGRAMS ${libraries} DESTINATION ${WIRETAG_LIBRARY_DIR}/torch/lib COMPONENT libtorch)
        file(GLOB folders RELATIVE ${wheels} ${wheels}/nvidia/*/lib)
        foreach(folder IN LISTS folders)
            file(GLOB libraries ${wheels}/${folder}/*.so*)
            install(PROGRAMS ${libraries} DESTINATION ${WIRETAG_LIBRARY_DIR}/${folder} COMPONENT libtorch)
        endforeach()
    endif()
    file(GLOB licences LIST_DIRECTORIES true RELATIVE ${wheels}
        ${wheels}/torch-*.dist-info/licenses ${wheels}/nvidia_*.dist-info/licenses)
    foreach(licence IN LISTS licences)
        string(REGEX REPLACE "-[^/]*" "" package ${licence})
        install(DIRECTORY ${wheels}/${licence}/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/libtorch/${package}
            COMPONENT libtorch)
    endforeach()
endfunction()

if(WIRETAG_MODEL STREQUAL "torch")
    wiretag_build_rpath(${TORCH_ROOT}/lib)
    if(WIRETAG_INSTALL_TORCH AND NOT TORCH_ROOT MATCHES "^/usr(/local)?/?$")
        list(APPEND WIRETAG_INSTALL_RPATH "$ORIGIN/${WIRETAG_TO_LIBRARIES}/torch/lib")
        wiretag_install_torch()
    else()
        list(APPEND WIRETAG_INSTALL_RPATH ${TORCH_ROOT}/lib)
    endif()
endif()

# --- the rest ---

# Neither path is CMake's own: see where the two programs are made.
set_target_properties(wiretag PROPERTIES
    BUILD_WITH_INSTALL_RPATH ON INSTALL_RPATH "${WIRETAG_BUILD_RPATH}")
set_target_properties(wiretag_installed PROPERTIES
    BUILD_WITH_INSTALL_RPATH ON INSTALL_RPATH "${WIRETAG_INSTALL_RPATH}")
install(TARGETS wiretag_installed)
install(FILES ${WIRETAG_MANPAGE} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES scripts/tools/completion/wiretag.bash RENAME wiretag
    DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES scripts/tools/completion/_wiretag DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES config/wiretag.yaml LICENSE THIRD_PARTY.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
