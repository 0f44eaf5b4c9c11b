# Run first by cmake --install: makes the folders that the prefix lacks, for everybody to enter. CMake
# makes them as the umask says, whatever CMAKE_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS is. What is there
# stays as it is. Into a DESTDIR installs who makes a package, and sets the umask for that.
set(WIRETAG_FOLDER_MODE OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

function(wiretag_make_folder folder)
    if(NOT EXISTS ${folder})
        cmake_path(GET folder PARENT_PATH parent)
        wiretag_make_folder(${parent})
        file(MAKE_DIRECTORY ${folder})
        file(CHMOD ${folder} PERMISSIONS ${WIRETAG_FOLDER_MODE})
    endif()
endfunction()

if("$ENV{DESTDIR}" STREQUAL "")
    foreach(folder IN LISTS WIRETAG_FOLDERS)
        cmake_path(ABSOLUTE_PATH folder BASE_DIRECTORY ${CMAKE_INSTALL_PREFIX} NORMALIZE)
        wiretag_make_folder(${folder})
    endforeach()
endif()
