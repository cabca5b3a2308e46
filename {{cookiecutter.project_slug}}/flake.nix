{
  description = "A reproducible data-science project: every tool, pinned by flake.lock";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";

  outputs =
    { self, nixpkgs }:
    let
      inherit (nixpkgs) lib;

      # nixpkgs 26.05 is the last release with x86_64-darwin: remove it when the input moves on.
      systems = [
        "x86_64-linux"
        "aarch64-linux"
        "x86_64-darwin"
        "aarch64-darwin"
      ];
      # pyproject.toml says which Python, for those who are outside, too.
      version = (builtins.fromTOML (builtins.readFile ./pyproject.toml)).tool.labflake.python;
      pythonOf = pkgs: pkgs.${"python" + builtins.replaceStrings [ "." ] [ "" ] version};

      eachSystem = f: lib.genAttrs systems (system: f nixpkgs.legacyPackages.${system});

      # Wheels from PyPI expect libstdc++ and zlib on the system, and the driver of a GPU. On Linux
      # the loader is told where they are, for this one process: a variable such as LD_LIBRARY_PATH
      # would reach every program that Python starts and break those of the host.
      pythonFor =
        pkgs:
        if pkgs.stdenv.hostPlatform.isLinux then
          pkgs.writeShellScriptBin "python3" ''
            libraries=${
              lib.makeLibraryPath [
                pkgs.stdenv.cc.cc.lib
                pkgs.zlib
              ]
            }:/run/opengl-driver/lib''${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
            exec ${pkgs.stdenv.cc.bintools.dynamicLinker} --argv0 "$0" \
              --library-path "$libraries" ${pythonOf pkgs}/bin/python${version} "$@"
          ''
        else
          pythonOf pkgs;

      # What the Makefile and labflake call. Add the tools of your own steps here (R, a compiler, …).
      toolsFor = pkgs: [
        (pythonFor pkgs)
        pkgs.uv
        pkgs.git
        pkgs.gnumake
        pkgs.bashInteractive
        pkgs.coreutils
        pkgs.diffutils
        pkgs.findutils
        pkgs.gawk
        pkgs.gnugrep
        pkgs.gnused
        pkgs.gnutar
        pkgs.gzip
      ];
    in
    {
      # nix develop
      devShells = eachSystem (pkgs: {
        default = pkgs.mkShellNoCC {
          packages = toolsFor pkgs;
          env.PROJECT_PYTHON = "${pythonFor pkgs}/bin/python3";
          shellHook = builtins.readFile ./nix/shell-hook.sh;
        };
      });

      packages = eachSystem (
        pkgs:
        {
          # nix run .#python: the interpreter under .venv.
          python = pythonFor pkgs;

          # nix run .#report: what `make` does, from outside the shell; arguments go to make.
          report = pkgs.writeShellApplication {
            name = "report";
            runtimeInputs = toolsFor pkgs;
            text = ''
              export PROJECT_PYTHON=${pythonFor pkgs}/bin/python3
              ${builtins.readFile ./nix/shell-hook.sh}
              if [ -z "''${VIRTUAL_ENV:-}" ]; then
                echo "error: there is no project in this folder or above it" >&2
                exit 1
              fi
              cd "''${VIRTUAL_ENV%/.venv}"
              exec make "$@"
            '';
          };
        }
        // lib.optionalAttrs pkgs.stdenv.hostPlatform.isLinux {
          # nix build .#container: the tools as an image, in which the project is mounted.
          container = pkgs.dockerTools.buildLayeredImage {
            name = "project-tools";
            tag = "latest";
            contents = toolsFor pkgs ++ [
              pkgs.cacert
              pkgs.dockerTools.usrBinEnv
              pkgs.dockerTools.fakeNss
            ];
            extraCommands = "mkdir -m 1777 tmp";
            config = {
              Cmd = [ "make" ];
              Env = [
                "PROJECT_PYTHON=${pythonFor pkgs}/bin/python3"
                "SSL_CERT_FILE=${pkgs.cacert}/etc/ssl/certs/ca-bundle.crt"
                # The mounted project may belong to another user than the one in the container.
                "GIT_CONFIG_COUNT=1"
                "GIT_CONFIG_KEY_0=safe.directory"
                "GIT_CONFIG_VALUE_0=*"
              ];
            };
          };
        }
      );

      # nix flake check
      checks = eachSystem (pkgs: {
        shell = self.devShells.${pkgs.stdenv.hostPlatform.system}.default;
        inherit (self.packages.${pkgs.stdenv.hostPlatform.system}) report;
      });

      formatter = eachSystem (pkgs: pkgs.nixfmt-tree);
    };
}
