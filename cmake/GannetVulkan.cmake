# The Vulkan back end needs the headers of Vulkan and volk (Debian: libvulkan-volk-dev) and a compiler of shaders
# (glslc); a program that was built without them says that it has no such back end. Nothing is needed to link: the
# loader is opened when the program runs.

find_path(VOLK_INCLUDE volk.h)
find_program(GLSLC glslc)
set(GANNET_VULKAN AUTO CACHE STRING "The Vulkan back end: ON, OFF, or AUTO (if its headers and glslc are there)")
if(GANNET_VULKAN STREQUAL "AUTO" OR GANNET_VULKAN)
  if(VOLK_INCLUDE AND GLSLC AND NOT CMAKE_CROSSCOMPILING)
    set(GANNET_VULKAN ON)
  elseif(GANNET_VULKAN STREQUAL "AUTO")
    set(GANNET_VULKAN OFF)
  else()
    message(FATAL_ERROR "GANNET_VULKAN=ON needs volk.h (libvulkan-volk-dev) and glslc")
  endif()
endif()
message(STATUS "Vulkan back end: ${GANNET_VULKAN}")

# Whether glslc has the extensions that a shader asks for.
function(_gannet_glslc_can out source)
  file(STRINGS ${source} lines REGEX "^#(version|extension)")
  list(JOIN lines "\n" text)
  set(probe ${CMAKE_CURRENT_BINARY_DIR}/shaders/probe.comp)
  file(WRITE ${probe} "${text}\nvoid main() {}\n")
  execute_process(COMMAND ${GLSLC} --target-env=vulkan1.2 -o ${probe}.spv ${probe} RESULT_VARIABLE result
                  OUTPUT_QUIET ERROR_QUIET)
  set(${out} FALSE PARENT_SCOPE)
  if(result EQUAL 0)
    set(${out} TRUE PARENT_SCOPE)
  endif()
endfunction()

# gannet_shaders(OUT_VAR NAME=FILE[:DEFINE]... ): compiles shaders; OUT_VAR receives a source that defines
#   std::span<const uint32_t> find_shader(std::string_view name)
# in namespace gannet. DEFINE is passed as -D, so that one file gives several shaders. A shader X.comp with a text
# X.spv.s beside it (scripts/shader_text.sh) is taken from there when glslc lacks an extension that it asks for.
function(gannet_shaders out)
  set(data "")
  set(symbols "")
  set(table "")
  set(files "")
  foreach(shader IN LISTS ARGN)
    string(REGEX MATCH "^([^=]+)=([^:]+):?(.*)$" _ "${shader}")
    set(name ${CMAKE_MATCH_1})
    set(source ${CMAKE_MATCH_2})
    set(defines ${CMAKE_MATCH_3})
    set(flags "")
    foreach(define IN LISTS defines)
      list(APPEND flags -D${define})
    endforeach()
    string(REPLACE "+" ";-D" flags "${flags}")
    set(spv ${CMAKE_CURRENT_BINARY_DIR}/shaders/${name}.spv)
    set(how incbin)
    string(REGEX REPLACE "\\.comp$" ".spv.s" text ${source})
    if(EXISTS ${text})
      _gannet_glslc_can(can ${source})
      if(NOT can)
        set(how include)
        set(spv ${text})
      endif()
    endif()
    if(how STREQUAL incbin)
      add_custom_command(OUTPUT ${spv}
        COMMAND ${GLSLC} -O -Werror --target-env=vulkan1.2 -fshader-stage=compute -I ${CMAKE_SOURCE_DIR}/src ${flags}
                -MD -MF ${spv}.d -o ${spv} ${source}
        DEPENDS ${source} DEPFILE ${spv}.d VERBATIM)
    endif()
    list(APPEND files ${spv})
    set(s shader_${name})
    string(APPEND data
      "    \".balign 4\\n.global ${s}\\n.global ${s}_end\\n${s}:\\n.${how} \\\"${spv}\\\"\\n${s}_end:\\n\"\n")
    string(APPEND symbols "HIDDEN extern const uint32_t ${s}[], ${s}_end[];\n")
    string(APPEND table "      {\"${name}\", {${s}, ${s}_end}},\n")
  endforeach()
  set(result ${CMAKE_CURRENT_BINARY_DIR}/shaders.cpp)
  configure_file(${CMAKE_SOURCE_DIR}/cmake/shaders.cpp.in ${result} @ONLY)
  set_source_files_properties(${result} PROPERTIES OBJECT_DEPENDS "${files}")
  set(${out} ${result} PARENT_SCOPE)
endfunction()
