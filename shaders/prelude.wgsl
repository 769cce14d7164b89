// Helpers that every kernel may use; `elem` and the constants of the kernel stand above.

alias elem4 = vec4<elem>;
