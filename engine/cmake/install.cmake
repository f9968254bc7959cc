# The installed library: headers in include/triode, a CMake package for find_package(triode). As a component of its own,
# which the Python package leaves out.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(TRIODE_COMPONENT COMPONENT triode)
if(SKBUILD)
  list(APPEND TRIODE_COMPONENT EXCLUDE_FROM_ALL)
endif()
set(TRIODE_PACKAGE_FOLDER ${CMAKE_INSTALL_LIBDIR}/cmake/triode)
install(TARGETS triode EXPORT triode-targets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} ${TRIODE_COMPONENT}
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ${TRIODE_COMPONENT}
        RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} ${TRIODE_COMPONENT})
install(FILES ${TRIODE_PUBLIC_HEADERS} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/triode ${TRIODE_COMPONENT})
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} ${TRIODE_COMPONENT})
install(EXPORT triode-targets NAMESPACE triode:: FILE triode-config.cmake
        DESTINATION ${TRIODE_PACKAGE_FOLDER} ${TRIODE_COMPONENT})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/triode-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/triode-config-version.cmake DESTINATION ${TRIODE_PACKAGE_FOLDER}
        ${TRIODE_COMPONENT})
