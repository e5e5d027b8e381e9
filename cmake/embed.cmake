# Files that a program carries inside itself, by the assembler's .incbin.

# imo_embed(<target> <symbol>=<file> ...)
#
# Makes the static library <target>. Each file stands between the symbols imo_<symbol>_begin and
# imo_<symbol>_end, which C++ declares as
#     extern "C" { extern const unsigned char imo_<symbol>_begin[], imo_<symbol>_end[]; }
function(imo_embed target)
  set(text "  .section .rodata\n")
  set(files "")
  foreach(pair IN LISTS ARGN)
    string(REGEX REPLACE "=.*" "" symbol "${pair}")
    string(REGEX REPLACE "^[^=]*=" "" file "${pair}")
    list(APPEND files "${file}")
    string(APPEND text
      "  .balign 64\n"
      "  .globl imo_${symbol}_begin, imo_${symbol}_end\n"
      "imo_${symbol}_begin:\n"
      "  .incbin \"${file}\"\n"
      "imo_${symbol}_end:\n"
      "  .byte 0\n")
  endforeach()
  string(APPEND text "  .section .note.GNU-stack,\"\",@progbits\n")
  set(source "${CMAKE_CURRENT_BINARY_DIR}/${target}.S")
  file(CONFIGURE OUTPUT "${source}" CONTENT "${text}" @ONLY)
  # The assembler does not tell what it included: a file that changes must make it run again.
  set_source_files_properties("${source}" PROPERTIES OBJECT_DEPENDS "${files}")
  add_library(${target} STATIC "${source}")
endfunction()
