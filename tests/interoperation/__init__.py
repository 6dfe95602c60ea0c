"""At home beside what people use already: other plugins, other authorities, other ways to start containers."""
