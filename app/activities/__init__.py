"""Activities: what children do outside lessons, on which days, who has a place, who came."""
