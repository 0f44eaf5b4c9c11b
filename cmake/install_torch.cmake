# Run by cmake --install: copies the libraries of libtorch that a CPU needs, and no others, to
# ${CMAKE_INSTALL_PREFIX}/${WIRETAG_LIBRARY_DIR}. They find each other by relative paths, so they stay
# side by side as the wheels have them: torch/lib and nvidia/…. What they need of the system stays with the system, also
# where that is another one (WIRETAG_SYSROOT).
file(GET_RUNTIME_DEPENDENCIES LIBRARIES ${WIRETAG_TORCH_ROOT}/lib/libtorch_cpu.so
    RESOLVED_DEPENDENCIES_VAR found UNRESOLVED_DEPENDENCIES_VAR missing)
foreach(library IN LISTS missing)
    file(GLOB there ${WIRETAG_SYSROOT}/lib/${library} ${WIRETAG_SYSROOT}/lib/*-linux-gnu/${library}
        ${WIRETAG_SYSROOT}/usr/lib/*-linux-gnu/${library})
    if(WIRETAG_SYSROOT AND there)
        list(REMOVE_ITEM missing ${library})
    endif()
endforeach()
if(missing)
    message(FATAL_ERROR "libtorch_cpu.so needs what is not here: ${missing}")
endif()
cmake_path(GET WIRETAG_TORCH_ROOT PARENT_PATH wheels)
foreach(library IN ITEMS ${WIRETAG_TORCH_ROOT}/lib/libtorch_cpu.so LISTS found)
    foreach(part torch nvidia)
        set(root ${wheels}/${part})
        if(part STREQUAL "torch")
            set(root ${WIRETAG_TORCH_ROOT})
        endif()
        cmake_path(IS_PREFIX root ${library} NORMALIZE inside)
        if(inside)
            file(RELATIVE_PATH place ${root} ${library})
            cmake_path(GET place PARENT_PATH folder)
            file(INSTALL ${library} DESTINATION ${CMAKE_INSTALL_PREFIX}/${WIRETAG_LIBRARY_DIR}/${part}/${folder}
                TYPE SHARED_LIBRARY FOLLOW_SYMLINK_CHAIN)
        endif()
    endforeach()
endforeach()
