# The part of nixpkgs' lib that the flakes use, with the same meaning.
let
  inherit (builtins) concatStringsSep listToAttrs replaceStrings;
in
rec {
  inherit (builtins) mapAttrs concatMap concatStringsSep;
  genAttrs =
    names: f:
    listToAttrs (
      map (name: {
        inherit name;
        value = f name;
      }) names
    );
  optionalAttrs = condition: attrs: if condition then attrs else { };
  getLib = package: package.lib or package.out or package;
  makeLibraryPath = packages: concatStringsSep ":" (map (p: "${getLib p}/lib") packages);
  makeBinPath = packages: concatStringsSep ":" (map (p: "${p.bin or p.out or p}/bin") packages);
  escapeShellArg = text: "'${replaceStrings [ "'" ] [ "'\\''" ] (toString text)}'";
}
