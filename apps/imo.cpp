#include "imo/cli/app.hpp"

int main(int argc, char** argv) {
  return imo::cli::run(argc, argv);
}
