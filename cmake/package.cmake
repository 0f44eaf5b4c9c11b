# The Debian package: what cmake --install takes below /usr, and what only a system needs:
#
#   /usr/lib/systemd/system/wiretag@.service
#   /etc/wiretag/wiretag.yaml           config/wiretag.yaml with the demonstration model, as a conffile
#   /etc/wiretag/secrets                empty, for root alone
#   /usr/share/wiretag                  alert rules, dashboard, demonstration model
#
# Debian's libraries are dependencies, as dpkg-shlibdeps finds them: build it on the oldest release that is to
# take it.
set(WIRETAG_DEBIAN ${PROJECT_SOURCE_DIR}/config/debian)
set(WIRETAG_DEBIAN_MADE ${PROJECT_BINARY_DIR}/debian)

set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS config/wiretag.yaml)
file(READ config/wiretag.yaml WIRETAG_YAML)
string(REPLACE "path: models/demo.pt      #" "path: /usr/share/wiretag/demo.pt  #" WIRETAG_YAML "${WIRETAG_YAML}")
file(CONFIGURE OUTPUT ${WIRETAG_DEBIAN_MADE}/wiretag.yaml CONTENT "@WIRETAG_YAML@" @ONLY)

# No other installation has these: they lie outside of its prefix, or have it written in them.
function(wiretag_package)
    install(${ARGN} COMPONENT package EXCLUDE_FROM_ALL)
endfunction()
wiretag_package(FILES config/systemd/wiretag@.service DESTINATION /usr/lib/systemd/system)
wiretag_package(FILES ${WIRETAG_DEBIAN_MADE}/wiretag.yaml DESTINATION /etc/wiretag PERMISSIONS OWNER_READ OWNER_WRITE)
wiretag_package(DIRECTORY DESTINATION /etc/wiretag/secrets DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE)
wiretag_package(FILES models/demo.pt config/alerts.yaml config/dashboard.json DESTINATION /usr/share/wiretag)
wiretag_package(FILES config/debian/copyright CHANGELOG.md DESTINATION /usr/share/doc/wiretag)
wiretag_package(FILES docs/operations.md docs/security.md DESTINATION /usr/share/doc/wiretag)
wiretag_package(FILES config/debian/lintian-overrides RENAME wiretag DESTINATION /usr/share/lintian/overrides)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME wiretag)
set(CPACK_PACKAGE_CONTACT "wiretag's maintainers <wiretag@lists.example.org>" CACHE STRING "The maintainer in the package")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "labels articles while they flow through Kafka")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "A worker that reads articles from Kafka, labels them with a TorchScript model
and publishes labels, exactly once. The package has the libraries of PyTorch
(for CPUs) and librdkafka that it runs with, in a folder of its own.")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
if(CMAKE_CROSSCOMPILING)
    set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE arm64)
endif()
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS ca-certificates)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${WIRETAG_DEBIAN}/conffiles ${WIRETAG_DEBIAN}/prerm ${WIRETAG_DEBIAN}/postinst
    ${WIRETAG_DEBIAN}/postrm)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES OFF)
set(CPACK_THREADS 0)
set(CPACK_WIRETAG_STRIP ${CMAKE_STRIP})
set(CPACK_WIRETAG_SYSROOT ${CMAKE_SYSROOT})
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/cmake/package_finish.cmake)
set(CPACK_INSTALL_CMAKE_PROJECTS)
foreach(component IN ITEMS program libtorch package)
    list(APPEND CPACK_INSTALL_CMAKE_PROJECTS ${PROJECT_BINARY_DIR} wiretag ${component} /)
endforeach()
include(CPack)
