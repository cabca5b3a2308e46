{
  description = "labflake: a template that starts a reproducible data-science project";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";

  outputs =
    { self, nixpkgs }:
    let
      inherit (nixpkgs) lib;

      # The flake of a project has no placeholders: the one in the template is the one that people get.
      payload = self + "/{{cookiecutter.project_slug}}";
      project = (import (payload + "/flake.nix")).outputs {
        inherit nixpkgs;
        self = project;
      };

      eachSystem = f: lib.mapAttrs (system: _: f nixpkgs.legacyPackages.${system}) project.devShells;
      of = pkgs: outputs: outputs.${pkgs.stdenv.hostPlatform.system};
    in
    {
      # nix run github:OWNER/labflake -- --output-dir ~/projects; arguments go to cookiecutter
      packages = eachSystem (pkgs: {
        default = pkgs.writeShellApplication {
          name = "labflake";
          runtimeInputs = [
            pkgs.cookiecutter
            pkgs.git
          ];
          # Files of the Nix store are read-only, and cookiecutter would copy that.
          text = ''
            work=$(mktemp -d)
            trap 'rm -rf "$work"' EXIT
            cp -R ${self} "$work/labflake"
            chmod -R u+w "$work/labflake"
            cookiecutter "$work/labflake" "$@"
          '';
        };
      });

      # nix develop: the tools of a project, and those that check its Nix and shell files
      devShells = eachSystem (pkgs: {
        default = pkgs.mkShellNoCC {
          packages = (of pkgs project.devShells).default.nativeBuildInputs ++ [
            pkgs.nixfmt-tree
            pkgs.shellcheck
          ];
          env.PROJECT_PYTHON = "${(of pkgs project.packages).python}/bin/python3";
          shellHook = "unset PYTHONPATH PYTHONHASHSEED PYTHONNOUSERSITE SOURCE_DATE_EPOCH";
        };
      });

      # nix flake check
      checks = eachSystem (pkgs: {
        shell = (of pkgs self.devShells).default;
        project-shell = (of pkgs project.devShells).default;
        project-report = (of pkgs project.packages).report;

        # A project is rendered, writable, and its flake is the one that was evaluated above.
        rendered =
          pkgs.runCommand "rendered-project"
            {
              nativeBuildInputs = [
                (of pkgs self.packages).default
                pkgs.git
              ];
            }
            ''
              export HOME=$TMPDIR
              labflake --no-input --output-dir "$out"
              cd "$out"/*/
              test -w flake.nix
              for file in flake.nix flake.lock nix/shell-hook.sh; do
                cmp "$file" ${lib.escapeShellArg payload}/"$file"
              done
              cmp flake.lock ${self}/flake.lock
              rm -rf .git
            '';
      });

      formatter = eachSystem (pkgs: pkgs.nixfmt-tree);
    };
}
