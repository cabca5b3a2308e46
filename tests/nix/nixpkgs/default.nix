{ lib, system }:
let
  # { "<program or library>": "<absolute path on this host>" }
  host = builtins.fromJSON (builtins.readFile ./host.json);
  programs = import ./programs.nix;
  isLinux = builtins.match ".*-linux" system != null;
  words =
    text: builtins.filter (w: builtins.isString w && w != "") (builtins.split "[ \n]+" text);

  # A derivation whose builder is the host's bash. Its last command must be one of bash's own: Nix
  # kills a builder that closes its output before it ends, as the coreutils do.
  build =
    name: variables: script:
    derivation (
      variables
      // {
        inherit name system;
        builder = "/bin/bash";
        args = [
          "-c"
          "set -e; PATH=/usr/bin:/bin\n${script}\n:"
        ];
      }
    );

  # Links to programs of the host; one that the host lacks says so when it is called.
  package =
    name: variables:
    build name (
      {
        programs = map (p: "${p}=${host.${p} or ""}") (words (programs.${name} or name));
        libraries = "";
      }
      // variables
    ) ''
      source ${./link-host-programs.sh}
    ''
    // {
      pname = name;
    };

  library =
    name: file:
    package name {
      programs = "";
      libraries = host.${file} or "";
    };

  mkStdenv =
    initial:
    build "stdenv" { initial = map (p: "${p}/bin") initial; } ''
      mkdir -p $out
      sed "s|@initial@|$initial|" ${./setup.sh} >$out/setup
    '';

  # As nixpkgs' mkShell: an `env` value must be a string, a number, a boolean or a derivation.
  shellOf =
    stdenv:
    {
      packages ? [ ],
      env ? { },
      shellHook ? "",
      name ? "nix-shell",
    }:
    assert builtins.all (
      v:
      v ? outPath
      || builtins.elem (builtins.typeOf v) [
        "string"
        "int"
        "bool"
      ]
    ) (builtins.attrValues env);
    build name (
      env
      // {
        inherit stdenv shellHook;
        nativeBuildInputs = packages;
        outputs = [ "out" ];
      }
    ) "export >$out";

  applicationOf =
    name: prologue: text:
    build name
      {
        text = "#!/bin/bash\n${prologue}${text}\n";
        passAsFile = [ "text" ];
        shellcheck = host.shellcheck or ":";
      }
      ''
        mkdir -p $out/bin
        cp $textPath $out/bin/${name}
        chmod +x $out/bin/${name}
        bash -n $out/bin/${name}
        $shellcheck $out/bin/${name}
      '';

  initial = map (name: package name { }) (words programs.initial);
in
rec {
  stdenv = {
    hostPlatform = {
      inherit system isLinux;
      isDarwin = !isLinux;
    };
    cc.cc.lib = library "gcc-lib" "libstdc++.so.6";
    cc.bintools.dynamicLinker = host."ld.so" or "/lib64/ld-linux-x86-64.so.2";
  };
  zlib = library "zlib" "libz.so.1";
  mkShellNoCC = shellOf (mkStdenv initial);
  mkShell = shellOf (mkStdenv ([ (package "gcc-wrapper" { }) ] ++ initial));

  # As in nixpkgs, Python's hook sets variables, which must not reach the project.
  python312 = package "python312" { hook = "python"; };
  uv = package "uv" { };

  # Debian's bash falls back to /usr/bin without a PATH, nixpkgs' does not: otherwise a shell that
  # ignores the outer environment would still find the programs of the host.
  bashInteractive = build "bash-interactive" { } ''
    mkdir -p $out/bin
    cp ${./bash-without-default-path.sh} $out/bin/bash
    chmod +x $out/bin/bash
    ln -s bash $out/bin/sh
  '';

  writeShellScriptBin = name: text: applicationOf name "" text;
  writeShellApplication =
    {
      name,
      text,
      runtimeInputs ? [ ],
    }:
    let
      path = "export PATH=\"${lib.makeBinPath runtimeInputs}:$PATH\"\n";
    in
    applicationOf name "set -o errexit -o nounset -o pipefail\n${path}" text;

  runCommand =
    name: variables: script:
    build name (variables // { inherit script; }) ''
      for p in $nativeBuildInputs; do PATH=$p/bin:$PATH; done
      export PATH TMPDIR=$NIX_BUILD_TOP
      eval "$script"
    '';

  # Only the arguments are looked at.
  dockerTools = {
    usrBinEnv = package "usrBinEnv" { };
    fakeNss = package "fakeNss" { };
    buildLayeredImage =
      {
        name,
        contents,
        config,
        tag ? null,
        extraCommands ? "",
      }:
      build name {
        inherit contents extraCommands;
        config = builtins.toJSON { inherit config tag; };
      } "echo \"$config\" >$out";
  };
}
// lib.genAttrs (words programs.others) (name: package name { })
