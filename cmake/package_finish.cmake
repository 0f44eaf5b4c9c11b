# Run by CPack before it packs: what Debian's policy wants of files that are installed otherwise elsewhere.
set(root ${CPACK_TEMPORARY_INSTALL_DIRECTORY})
set(documents ${root}/usr/share/doc/wiretag)

function(wiretag_done)
    execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

# The program alone: see install.cmake.
wiretag_done(${CPACK_WIRETAG_STRIP} --remove-section=.comment ${root}/usr/bin/wiretag)
file(GLOB_RECURSE libraries ${root}/usr/lib/wiretag/*.so*)
file(CHMOD ${libraries} PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)

wiretag_done(gzip -9nf ${root}/usr/share/man/man1/wiretag.1)
file(RENAME ${documents}/CHANGELOG.md ${documents}/changelog)
string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)
file(WRITE ${documents}/changelog.Debian "wiretag (${CPACK_PACKAGE_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE}) stable; urgency=medium

  * What is new in this version is in changelog.gz.

 -- ${CPACK_PACKAGE_CONTACT}  ${date}
")
wiretag_done(gzip -9nf ${documents}/changelog ${documents}/changelog.Debian)
# The text is among the common licences.
file(REMOVE ${documents}/LICENSE)

# The package's own libraries are no dependencies of it. dpkg-shlibdeps is told by CPack, which reads this afterwards;
# also where the system's libraries for another processor lie, which Debian's list of files has below /lib or /usr/lib.
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${root}/usr/lib/wiretag ${root}/usr/lib/wiretag/torch/lib)
if(CPACK_WIRETAG_SYSROOT)
    file(REAL_PATH ${CPACK_WIRETAG_SYSROOT} sysroot)
    list(APPEND CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${sysroot}/lib/aarch64-linux-gnu
        ${sysroot}/usr/lib/aarch64-linux-gnu)
endif()
