# gannet_commit_header(FOLDER): writes FOLDER/gannet_commit.h with GANNET_COMMIT, the short name of the commit that is
# being built ("unknown" outside a git checkout). Configuring again after a commit is automatic.
function(gannet_commit_header folder)
  set(commit "")
  find_package(Git QUIET)
  if(GIT_FOUND AND EXISTS ${CMAKE_SOURCE_DIR}/.git)  # not a checkout that merely contains this folder
    execute_process(COMMAND ${GIT_EXECUTABLE} rev-parse --short --verify HEAD WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
                    OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    execute_process(COMMAND ${GIT_EXECUTABLE} rev-parse --git-path logs/HEAD WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
                    OUTPUT_VARIABLE log OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    cmake_path(ABSOLUTE_PATH log BASE_DIRECTORY ${CMAKE_SOURCE_DIR})
    if(NOT "${log}" STREQUAL "" AND EXISTS ${log})
      set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${log})
    endif()
  endif()
  if("${commit}" STREQUAL "")
    set(commit unknown)
  endif()
  file(CONFIGURE OUTPUT ${folder}/gannet_commit.h CONTENT "#pragma once\n#define GANNET_COMMIT \"${commit}\"\n" @ONLY)
endfunction()
