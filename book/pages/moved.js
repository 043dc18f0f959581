const follow = () => {
  const target = moved[decodeURIComponent(location.hash.slice(1))];
  if (target) location.replace(target);
};
addEventListener("hashchange", follow);
follow();
